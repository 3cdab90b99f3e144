"""Lists and reads with boto3: the own folder, then a foreign one. Prints what each answered."""
import sys

import boto3
from botocore.exceptions import ClientError

endpoint, bucket, own, foreign = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=endpoint)
s3.put_object(Bucket=bucket, Key=f"{own}é x+y", Body=b"1")
print([entry["Key"].removeprefix(own) for entry in s3.list_objects_v2(Bucket=bucket, Prefix=own)["Contents"]])
try:
    s3.list_objects_v2(Bucket=bucket, Prefix=foreign)
    print("listed")
except ClientError as error:
    print(error.response["Error"]["Code"])
