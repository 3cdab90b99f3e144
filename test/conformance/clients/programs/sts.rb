# Who am I, asked with the default chain of the AWS SDK for Ruby.
require 'aws-sdk-core'

# Debian's SDK knows no AWS_ENDPOINT_URL_STS.
puts Aws::STS::Client.new(endpoint: ENV.fetch('AWS_ENDPOINT_URL_STS')).get_caller_identity.arn
