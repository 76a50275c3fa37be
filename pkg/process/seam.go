package process

// seamWidth is how much of the text on either side of a cut is looked through for what a redact step has to take away: a private key,
// or a token as long as a header may be, fits, and so much is looked through fast.
const seamWidth = 64 << 10

// seam redacts what a cut runs through: ev ends there, and text follows it, on a new line or on the same. Steps see one of them at a
// time. The place of the match is taken by what replaces it at the end of ev; text is returned without its part.
func (p *Pipe) seam(s *scratch, ev *event, text []byte, newLine bool) []byte {
	before := len(ev.text)
	for _, r := range p.prog.seams {
		text = r.seam(s, ev, text, newLine)
	}
	p.held += len(ev.text) - before
	return text
}

func (r *redact) seam(s *scratch, ev *event, text []byte, newLine bool) []byte {
	end := ev.text[max(0, len(ev.text)-seamWidth):]
	both := append(make([]byte, 0, len(end)+ev.blank+1+min(len(text), seamWidth)), end...)
	if newLine {
		both = ev.endLines(both)
	}
	from, to := len(end), len(both) // of what stands between the two
	both = append(both, text[:min(len(text), seamWidth)]...)
	for _, m := range r.re.FindAllSubmatchIndex(both, -1) {
		if m[0] >= to {
			break
		}
		if m[1] <= from || m[0] >= from && m[1] <= to {
			continue // before it, or the line feed alone
		}
		ev.own()
		keep := len(ev.text) - len(end) + min(m[0], from)
		ev.buf = r.re.Expand(ev.buf[:keep], r.replace, both, m)
		ev.text = ev.buf
		s.tally.redacted++
		return text[max(0, m[1]-to):]
	}
	return text
}
