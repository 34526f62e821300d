package paste

import (
	"time"

	"pasted/paste"
)

// ParseKey returns the URL that a urlmap's key means, and the mount as Python
// shows it.
func ParseKey(key string) (url, mounted string, mistake *paste.Error) {
	url, mistake = parseKey(key)
	if mistake != nil {
		return "", "", mistake
	}
	m, mistake := parseMount(url)
	if mistake != nil {
		return url, "", mistake
	}
	return url, m.String(), nil
}

// ZoneOffset is what translogger writes as the zone of now.
func ZoneOffset(now time.Time) string { return zoneOffset(now) }
