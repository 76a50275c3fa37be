package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// authority is a certificate authority of the emulator's own. It is made when it is first asked for.
type authority struct {
	mu     sync.Mutex // guards what follows
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	der    []byte
	leaves map[string]*tls.Certificate // by name or address
}

// maxLeaves bounds how many names one emulator is called by.
const maxLeaves = 1024

// CA is the certificate of the authority behind TLSConfig, in PEM. A client that trusts it can talk to every host name.
func (e *Emulator) CA() ([]byte, error) {
	a := &e.ca
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.ready(); err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.der}), nil
}

// TLSConfig serves any host name that a client asks for, with certificates of the emulator's own authority: give
// tls.NewListener(ln, config) to Run.
func (e *Emulator) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			name := hello.ServerName
			if name == "" { // an address has no server name
				name, _, _ = net.SplitHostPort(hello.Conn.LocalAddr().String())
			}
			return e.ca.leaf(name)
		},
	}
}

// ready makes the authority. The caller holds the lock.
func (a *authority) ready() error {
	if a.cert != nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("emulator: make authority: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shipper emulator"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return fmt.Errorf("emulator: make authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("emulator: make authority: %w", err)
	}
	a.cert, a.key, a.der, a.leaves = cert, key, der, map[string]*tls.Certificate{}
	return nil
}

// leaf is the certificate for one name.
func (a *authority) leaf(name string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.ready(); err != nil {
		return nil, err
	}
	if c := a.leaves[name]; c != nil {
		return c, nil
	}
	if len(a.leaves) >= maxLeaves {
		return nil, errors.New("emulator: too many host names")
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(a.leaves) + 2)), Subject: pkix.Name{CommonName: name},
		NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		t.IPAddresses = []net.IP{ip}
	} else {
		t.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("emulator: certificate for %q: %w", name, err)
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
	a.leaves[name] = c
	return c, nil
}
