package admin

import (
	"net"
	"net/http"
	"time"
)

// ReloadResult is what POST /reload answers.
type ReloadResult struct {
	OK      bool     `json:"ok"`
	Changes []string `json:"changes"`         // "~ target.central (batch.max_delay 1s → 2s)"; empty if nothing changed
	Error   string   `json:"error,omitempty"` // all that is wrong, for people; nothing was changed then
	Hash    string   `json:"hash"`            // of the settings in use
}

// reload is for those whom the socket's file mode lets in. The port has no password, and any page in a browser on this host can
// post to it.
func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); !ok || at.Network() != "unix" || s.o.Reload == nil {
		http.Error(w, "reload is served on the unix socket only", http.StatusForbidden)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // who asks decides how long to wait
	result := s.o.Reload(r.Context())
	code := http.StatusOK
	if !result.OK {
		code = http.StatusUnprocessableEntity
	}
	writeJSON(w, code, result)
}
