module example.com/shops/e2e-gohttp

go 1.19
