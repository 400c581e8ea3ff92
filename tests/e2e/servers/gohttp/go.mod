module example.com/shops/e2e-gohttp

go 1.19

require golang.org/x/net v0.23.0

require golang.org/x/text v0.14.0 // indirect
