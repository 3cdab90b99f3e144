// Who am I, asked with the default chain of the AWS SDK for Go, v1.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/sts"
)

func main() {
	// v1 knows no AWS_ENDPOINT_URL_STS.
	s := session.Must(session.NewSession(&aws.Config{Endpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL_STS"))}))
	out, err := sts.New(s).GetCallerIdentity(nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(*out.Arn)
}
