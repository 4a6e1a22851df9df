module agentos.test/pause

go 1.26.0
