package h1

// An AnswerFilter sees and may change the head of the answer to an exchange
// that it has been pushed onto. state is what it gave to Push.
type AnswerFilter interface {
	AnswerHead(x *Exchange, a *Answer, state int64)
}

type pushed struct {
	filter AnswerFilter
	state  int64
}

// Push has f see the answer's head, before those that have been pushed before.
func (x *Exchange) Push(f AnswerFilter, state int64) {
	x.filters = append(x.filters, pushed{f, state})
}
