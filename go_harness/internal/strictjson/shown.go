package strictjson

import "fmt"

// maxShownRunes keeps a hostile value from filling the sentence.
const maxShownRunes = 80

// Shown returns value as JSON would write it, shortened.
func Shown(value any) string {
	text := fmt.Sprint(value)
	if s, ok := value.(string); ok {
		text = fmt.Sprintf("%q", s)
	}
	runes := []rune(text)
	if len(runes) > maxShownRunes {
		return string(runes[:maxShownRunes]) + "…"
	}
	return text
}
