// Who am I, asked with the default chain of the AWS SDK for Go, v2.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err == nil {
		client := sts.NewFromConfig(cfg, func(o *sts.Options) {
			// Debian's v2 knows no AWS_ENDPOINT_URL_STS.
			o.EndpointResolver = sts.EndpointResolverFromURL(os.Getenv("AWS_ENDPOINT_URL_STS"))
		})
		var out *sts.GetCallerIdentityOutput
		out, err = client.GetCallerIdentity(context.Background(), nil)
		if err == nil {
			fmt.Println(*out.Arn)
			return
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
