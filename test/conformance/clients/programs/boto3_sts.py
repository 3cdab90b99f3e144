"""Who am I, asked with the default chain of boto3."""
import os

import boto3

# Debian's boto3 knows no AWS_ENDPOINT_URL_STS.
sts = boto3.client("sts", endpoint_url=os.environ["AWS_ENDPOINT_URL_STS"])
print(sts.get_caller_identity()["Arn"])
