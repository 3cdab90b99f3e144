// Lists the tables of a database on S3 with LanceDB, credentials from the AWS SDK for Rust inside it.
//   node lancedb.mjs FOLDER_OF_THE_CLIENTS URL_OF_S3 [BUCKET]
import { createRequire } from 'node:module';

const require = createRequire(`${process.argv[2]}/package.json`);
const { connect } = require('@lancedb/lancedb');
const storageOptions = { awsEndpoint: process.argv[3], allowHttp: 'true', region: process.env.AWS_REGION };
const database = await connect(`s3://${process.argv[4] ?? 'bucket'}/database`, { storageOptions });
console.log(JSON.stringify(await database.tableNames()));
process.exit(0);
