package creds

func (f factory) auto() Source { s, _ := f.named("env"); return s }
