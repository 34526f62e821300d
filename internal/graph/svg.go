package graph

// SVG draws.
func (g *Graph) SVG() string { return "" }
