module pasted

go 1.26
