package emulator

import (
	"net/http"
	"strings"
)

// ServeHTTP sends a request to Log Service, to STS or, below /_emulator/, to the control API.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, controlPrefix) {
		e.serveControl(w, r)
		return
	}
	t := targetOf(r)
	if t.sts {
		e.serveSTS(w, r)
		return
	}
	e.serveLog(w, r, t)
}
