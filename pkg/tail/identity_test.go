package tail

import "testing"

func TestDecide(t *testing.T) {
	base := seen{observable: true, kernel: same, long: true, head: same, headLen: 4096, marker: same}
	tests := []struct {
		name string
		with func(*seen)
		want verdict
	}{
		{"same inode, grown, both ends equal", func(*seen) {}, resume},
		{"same inode, nothing was read yet", func(s *seen) { s.marker, s.head = unknown, unknown }, resume},
		{"same inode, nothing was read yet, another head", func(s *seen) { s.marker, s.head = unknown, different }, rewritten},
		{"same inode, shorter, same head", func(s *seen) { s.long, s.marker = false, unknown }, rewritten},
		{"same inode, shorter, other head", func(s *seen) { s.long, s.marker, s.head = false, unknown, different }, rewritten},
		{"same inode, longer, same head, other marker", func(s *seen) { s.marker = different }, rewritten},
		{"same inode, longer, other head, other marker", func(s *seen) { s.marker, s.head = different, different }, rewritten},
		{"inode used again", func(s *seen) { s.kernel, s.marker, s.head = different, different, different }, unrelated},
		{"inode used again, same header", func(s *seen) { s.kernel, s.marker = different, different }, unrelated},
		{"only the device number differs, content equal", func(s *seen) { s.kernel = unknown }, resume},
		{"only the device number differs, other content", func(s *seen) { s.kernel, s.marker = unknown, different }, unrelated},
		{"elsewhere, original in place", func(s *seen) { s.kernel, s.alive = different, true }, copied},
		{"elsewhere, original gone", func(s *seen) { s.kernel = different }, moved},
		{"elsewhere, only a short head agrees", func(s *seen) { s.kernel, s.headLen = different, 20 }, unrelated},
		{"elsewhere, short head, rotated name", func(s *seen) { s.kernel, s.headLen, s.rotated = different, 20, true }, moved},
		{"elsewhere, shorter", func(s *seen) { s.kernel, s.long, s.marker = different, false, unknown }, unrelated},
		{"elsewhere, shorter, begins alike", func(s *seen) { s.kernel, s.long, s.marker, s.begins, s.rotated = different, false, unknown, true, true }, shorter},
		{"elsewhere, shorter, begins alike, other name", func(s *seen) { s.kernel, s.long, s.marker, s.begins = different, false, unknown, true }, unrelated},
		{"elsewhere, unread, common header", func(s *seen) { s.kernel, s.marker = different, unknown }, unrelated},
		{"elsewhere, unread, rotated name", func(s *seen) { s.kernel, s.marker, s.rotated = different, unknown, true }, moved},
		{"new file", func(s *seen) { s.kernel, s.head, s.marker = different, different, unknown }, unrelated},
		{"compressed, continues", func(s *seen) { s.kernel, s.compressed = different, true }, moved},
		{"compressed, original in place", func(s *seen) { s.kernel, s.compressed, s.alive = different, true, true }, copied},
		{"compressed, read before", func(s *seen) { s.compressed = true }, moved},
		{"compressed, read before, short head", func(s *seen) { s.compressed, s.headLen = true, 4 }, moved},
		{"compressed, read before, nothing of it", func(s *seen) { s.compressed, s.head, s.marker, s.headLen = true, unknown, unknown, 0 }, moved},
		{"compressed, other content", func(s *seen) { s.kernel, s.compressed, s.head = different, true, different }, unrelated},
		{"cannot be looked at", func(s *seen) { *s = seen{kernel: different} }, unobservable},
	}
	for _, tt := range tests {
		s := base
		tt.with(&s)
		if got := decide(s); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestKernelIs(t *testing.T) {
	a := Identity{Dev: 1, Ino: 2, Handle: "h", Birth: 3}
	for _, tt := range []struct {
		name string
		with func(*Identity)
		want match
	}{
		{"itself", func(*Identity) {}, same},
		{"other inode", func(i *Identity) { i.Ino++ }, different},
		{"other generation", func(i *Identity) { i.Handle = "g" }, different},
		{"other birth", func(i *Identity) { i.Birth++ }, different},
		{"no birth here", func(i *Identity) { i.Birth = 0 }, same},
		{"nothing but numbers", func(i *Identity) { i.Birth, i.Handle = 0, "" }, same},
		{"renumbered device", func(i *Identity) { i.Dev++ }, unknown},
		{"other device, nothing but numbers", func(i *Identity) { i.Dev++; i.Birth, i.Handle = 0, "" }, different},
	} {
		b := a
		tt.with(&b)
		if got := kernelIs(a, b); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// FuzzDecide checks what must hold whatever was seen: nothing is resumed or moved where the content is known to differ,
// and what cannot be looked at changes nothing.
func FuzzDecide(f *testing.F) {
	f.Add(uint8(0xff), uint8(1), uint8(1), uint8(1), int32(64))
	f.Fuzz(func(t *testing.T, bits, kernel, head, marker uint8, n int32) {
		s := seen{
			observable: bits&1 != 0, long: bits&2 != 0, compressed: bits&4 != 0, alive: bits&8 != 0, rotated: bits&16 != 0,
			kernel: match(kernel % 3), head: match(head % 3), marker: match(marker % 3), headLen: n, begins: bits&32 != 0,
		}
		v := decide(s)
		switch {
		case !s.observable && v != unobservable, s.observable && v == unobservable:
			t.Errorf("%+v: %v", s, v)
		case (v == resume || v == moved || v == copied) && (!s.long || s.marker == different):
			t.Errorf("%+v: %v although the content differs", s, v)
		case (v == moved || v == copied) && s.head != same && s.kernel != same:
			t.Errorf("%+v: %v without the same head", s, v)
		case v == shorter && (s.long || !s.begins || !s.rotated):
			t.Errorf("%+v: %v although something may be new in it", s, v)
		case v == rewritten && s.kernel != same:
			t.Errorf("%+v: %v in another inode", s, v)
		}
	})
}

func (v verdict) String() string {
	return [...]string{"unobservable", "resume", "rewritten", "unrelated", "copied", "moved", "shorter"}[v]
}
