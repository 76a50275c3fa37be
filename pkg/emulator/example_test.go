package emulator_test

import (
	"context"
	"fmt"
	"net"

	sls "github.com/aliyun/aliyun-log-go-sdk"

	"shipper/pkg/emulator"
	"shipper/pkg/emulator/emulatortest"
)

// The official SDK, unmodified, talks to an emulator in the same process.
func Example() {
	e, err := emulator.New(emulator.Options{}) // the default world
	if err != nil {
		fmt.Println(err)
		return
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx, ln) }()

	web := emulatortest.Client(ln.Addr().String())
	c := sls.CreateNormalInterfaceV2("http://cn-hangzhou.log.aliyuncs.com",
		sls.NewStaticCredentialsProvider(emulator.SenderKeyID, emulator.SenderKeySecret, ""))
	c.SetHTTPClient(web)
	_, err = c.ListShards(emulator.DefaultProject, emulator.DefaultLogstore)
	fmt.Println(err.(*sls.Error).Message)
	fmt.Println(e.Stats().Denials[0].Why)

	web.CloseIdleConnections()
	stop()
	fmt.Println(<-done)
	// Output:
	// denied by sts or ram, action: log:ListShards, resource: acs:log:cn-hangzhou:1111111111111111:project/sec-logs/logstore/web
	// the caller is in account 2222222222222222, the resource belongs to 1111111111111111; policies of one account grant nothing in another: assume a role of the owner first
	// <nil>
}
