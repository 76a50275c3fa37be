package check

import (
	"encoding/binary"
	"time"
)

// Mark is the tag of the line that check writes, so that readers can tell it from real ones.
const Mark = "__check__"

// lineGroup is a LogGroup with one log, as protobuf (aliyun-log-go-sdk log.proto: Logs 1, Topic 3, Source 4, LogTags 6; Log.Time 1,
// Contents 2; Key 1, Value 2).
func lineGroup(at time.Time, topic, host, text string) []byte {
	pair := func(k, v string) []byte {
		return field(field(nil, 1, []byte(k)), 2, []byte(v))
	}
	log := binary.AppendUvarint([]byte{1 << 3}, uint64(at.Unix()))
	log = field(log, 2, pair("content", text))
	out := field(nil, 1, log)
	if topic != "" {
		out = field(out, 3, []byte(topic))
	}
	out = field(out, 6, pair("__hostname__", host))
	return field(out, 6, pair(Mark, "true"))
}

// field appends a length-delimited field.
func field(dst []byte, number uint64, data []byte) []byte {
	dst = binary.AppendUvarint(dst, number<<3|2)
	return append(binary.AppendUvarint(dst, uint64(len(data))), data...)
}
