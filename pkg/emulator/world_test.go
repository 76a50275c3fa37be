package emulator

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	sls "github.com/aliyun/aliyun-log-go-sdk"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
		goleak.IgnoreTopFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"),
	)
}

// lab is a running emulator with clients that cannot reach anything else.
type lab struct {
	*Emulator
	t      *testing.T
	addr   string
	client *http.Client
}

const endpoint = "http://cn-hangzhou.log.aliyuncs.com"

func start(t *testing.T, o Options) *lab {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(e)
	addr := srv.Listener.Addr().String()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		srv.Close()
	})
	return &lab{e, t, addr, client}
}

// sls makes a client of the official SDK with these keys.
func (l *lab) sls(version sls.AuthVersionType, id, secret, token string) sls.ClientInterface {
	c := sls.CreateNormalInterfaceV2(endpoint, sls.NewStaticCredentialsProvider(id, secret, token))
	c.SetHTTPClient(l.client)
	c.SetAuthVersion(version)
	c.SetRegion(DefaultRegion)
	c.SetRetryTimeout(3 * time.Second)
	return c
}

func (l *lab) reader() sls.ClientInterface {
	return l.sls(sls.AuthV1, ReaderKeyID, ReaderKeySecret, "")
}

// writer is a client with a fresh session of the writer role.
func (l *lab) writer(version sls.AuthVersionType) sls.ClientInterface {
	c := l.assume(nil)
	return l.sls(version, c.AccessKeyId, c.AccessKeySecret, c.SecurityToken)
}

// sts makes a client of alibaba-cloud-sdk-go, over http to host:port.
func (l *lab) sts(id, secret, token string) *sts.Client {
	l.t.Helper()
	var cred auth.Credential = credentials.NewAccessKeyCredential(id, secret)
	if token != "" {
		cred = credentials.NewStsTokenCredential(id, secret, token)
	}
	c, err := sts.NewClientWithOptions(DefaultRegion, sdk.NewConfig().WithScheme("HTTP").WithAutoRetry(false), cred)
	if err != nil {
		l.t.Fatal(err)
	}
	c.Domain = l.addr
	c.SetTransport(&http.Transport{DisableKeepAlives: true})
	return c
}

// assumeRequest is a request for the writer role.
func assumeRequest() *sts.AssumeRoleRequest {
	r := sts.CreateAssumeRoleRequest()
	r.Scheme, r.Method = "HTTP", "POST"
	r.RoleArn, r.RoleSessionName = WriterRole, "web-1"
	return r
}

// assume makes a session of the writer role.
func (l *lab) assume(change func(*sts.AssumeRoleRequest)) sts.Credentials {
	l.t.Helper()
	r := assumeRequest()
	if change != nil {
		change(r)
	}
	answer, err := l.sts(SenderKeyID, SenderKeySecret, "").AssumeRole(r)
	if err != nil {
		l.t.Fatal(err)
	}
	return answer.Credentials
}

func seconds(n int) requests.Integer { return requests.NewInteger(n) }

// sample is a group with n logs.
func sample(n int, lines ...string) *sls.LogGroup {
	g := &sls.LogGroup{Topic: ptr("t"), Source: ptr("10.0.0.1"), LogTags: []*sls.LogTag{{Key: ptr("__path__"), Value: ptr("/var/log/a.log")}}}
	for i := range n {
		line := "line"
		if i < len(lines) {
			line = lines[i]
		}
		g.Logs = append(g.Logs, &sls.Log{Time: ptr(uint32(time.Now().Unix())), Contents: []*sls.LogContent{{Key: ptr("content"), Value: ptr(line)}}})
	}
	return g
}

func ptr[T any](v T) *T { return &v }
