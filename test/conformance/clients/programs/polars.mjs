// Reads a parquet file that isn't there, by object_store in Rust. argv: folder of the npm clients, S3's URL
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [folder, endpoint] = process.argv.slice(2);
const polars = createRequire(join(folder, 'package.json'))('nodejs-polars');
const cloudOptions = { aws_endpoint_url: endpoint, aws_allow_http: 'true' };
await polars.scanParquet('s3://bucket/a.parquet', { cloudOptions }).collect();
