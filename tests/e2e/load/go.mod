module example.com/e2e-load

go 1.19
