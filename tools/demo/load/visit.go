package main

import (
	"fmt"
	"net/http"
	"time"
)

// visitor is one user, from registration to logout.
type visitor struct {
	*load
	number                int
	email, password       string
	token                 string
	user, device, session int
	signalURL             string
}

var (
	allocated  = hop{"scheduler-service", "device-service", "POST", "/devices/allocate", http.StatusOK}
	refused    = hop{"scheduler-service", "device-service", "POST", "/devices/allocate", http.StatusConflict}
	released   = hop{"scheduler-service", "device-service", "POST", "/devices/{id}/release", http.StatusNoContent}
	used       = hop{"scheduler-service", "billing-service", "POST", "/usage", http.StatusCreated}
	lookedUp   = hop{"app-service", "device-service", "GET", "/devices/{id}", http.StatusOK}
	checked    = hop{"billing-service", "user-service", "GET", "/api/users/{id}", http.StatusOK}
	operations = []string{"restart", "stop", "start"}
	currencies = []string{"CNY", "EUR", "USD"}
)

func newVisitor(l *load, number int) *visitor {
	email := fmt.Sprintf("visitor-%d.%s@example.org", number, l.run)
	return &visitor{load: l, number: number, email: email, password: "correct horse"}
}

// every: whether this visitor is one of those, of which there is one in n.
func (v *visitor) every(n int) bool { return v.number%n == n-1 }

func (v *visitor) visit() error {
	steps := []func() error{v.register, v.mistype, v.logIn, v.browse, v.open, v.play, v.watch, v.giveBack, v.pay, v.logOut}

	if v.every(10) {
		steps = []func() error{v.register, v.lockOut}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (v *visitor) register() error {
	account := map[string]string{"email": v.email, "name": fmt.Sprint("visitor ", v.number), "password": v.password}

	answer, err := v.ask("POST", "/api/users", account, http.StatusCreated)
	if err != nil {
		return err
	}
	v.user = int(answer["id"].(float64))
	v.truth.add("user_registrations_total", 1)
	if v.every(5) {
		_, err = v.ask("POST", "/api/users", account, http.StatusConflict)
	}
	return err
}

func (v *visitor) tryPassword(password string, want int, reason string) (map[string]any, error) {
	answer, err := v.ask("POST", "/api/auth/login", map[string]string{"email": v.email, "password": password}, want)
	if err == nil && reason != "" {
		v.truth.add(fmt.Sprintf("user_login_failures_total{reason=%q}", reason), 1)
	}
	return answer, err
}

func (v *visitor) mistype() (err error) {
	if v.every(4) {
		_, err = v.tryPassword("battery staple", http.StatusUnauthorized, "bad_password")
	}
	return err
}

func (v *visitor) lockOut() error {
	for i := 0; i < 3; i++ {
		if _, err := v.tryPassword("battery staple", http.StatusUnauthorized, "bad_password"); err != nil {
			return err
		}
	}
	_, err := v.tryPassword(v.password, http.StatusForbidden, "locked")
	return err
}

func (v *visitor) logIn() error {
	if v.every(7) { // had forgotten that one must
		if _, err := v.ask("GET", "/devices", nil, http.StatusUnauthorized); err != nil {
			return err
		}
	}
	answer, err := v.tryPassword(v.password, http.StatusOK, "")
	if err != nil {
		return err
	}
	v.token = answer["token"].(string)
	v.truth.add("user_logins_total", 1)
	v.truth.add("active_users_total", 1)
	return nil
}

func (v *visitor) browse() (err error) {
	search, account := fmt.Sprintf("/apps/search?q=%08x", v.number), fmt.Sprint("/api/users/", v.user)
	looks := []string{"/devices/stats", "/apps", search, account, "/devices"}

	if v.every(3) {
		looks = append(looks, "/revenue", "/sessions/active")
	}
	for _, path := range looks {
		if _, err = v.ask("GET", path, nil, http.StatusOK); err != nil {
			return err
		}
	}
	if v.every(6) {
		_, err = v.ask("GET", fmt.Sprint("/wiki/", v.number), nil, http.StatusNotFound)
	}
	return err
}

// open allocates a phone; first, for some, a tablet, none of which is ever free.
func (v *visitor) open() error {
	if v.every(8) {
		if _, err := v.ask("POST", "/sessions", map[string]string{"model": "tablet"}, http.StatusConflict, refused); err != nil {
			return err
		}
		v.truth.add("device_allocation_failures_total", 1)
	}
	answer, err := v.ask("POST", "/sessions", map[string]string{"model": "phone"}, http.StatusCreated, allocated)
	if err != nil {
		return err
	}
	v.session, v.device = int(answer["id"].(float64)), int(answer["device_id"].(float64))
	v.signalURL = answer["signal_url"].(string)
	v.truth.add("device_allocations_total", 1)
	v.truth.add("session_allocations_total", 1)
	return nil
}

// play installs an app and uses the phone's switches. A phone that was left stopped is started as it is given back.
func (v *visitor) play() error {
	install := fmt.Sprintf("/apps/%d/install", 1+v.number%200)

	if _, err := v.ask("POST", install, map[string]int{"device_id": v.device}, http.StatusCreated, lookedUp); err != nil {
		return err
	}
	for _, operation := range operations[:1+v.number%3] {
		if _, err := v.ask("POST", fmt.Sprintf("/devices/%d/%s", v.device, operation), nil, http.StatusAccepted); err != nil {
			return err
		}
		v.truth.add(fmt.Sprintf("device_operations_total{operation=%q}", operation), 1)
	}
	return nil
}

func (v *visitor) watch() error {
	v.pause(time.Duration(1+v.number%5)*100*time.Millisecond + 20*v.pace)
	switch {
	case v.every(16):
		return v.stream(false)
	case v.number%2 == 0:
		return v.stream(true)
	}
	return nil
}

func (v *visitor) giveBack() error {
	answer, err := v.ask("DELETE", fmt.Sprint("/sessions/", v.session), nil, http.StatusOK, released, used)
	if err != nil {
		return err
	}
	v.truth.add("session_duration_seconds_count", 1)
	v.truth.add("session_duration_seconds_sum", answer["seconds"].(float64))
	return nil
}

func (v *visitor) pay() error {
	method, want, outcome := "card", http.StatusCreated, "paid"
	switch {
	case v.every(13):
		method, want, outcome = "bank_transfer", http.StatusGatewayTimeout, "timeout"
	case v.every(9):
		method, outcome = "direct_debit", "failed"
	case v.every(6):
		method, want, outcome = "stolen_card", http.StatusPaymentRequired, "declined"
	}
	cents, currency := 499*(1+v.number%7), currencies[v.number%3]
	payment := map[string]any{"user_id": v.user, "amount_cents": cents, "currency": currency, "method": method}

	if _, err := v.ask("POST", "/payments", payment, want, checked); err != nil {
		return err
	}
	v.truth.add("transactions_total", 1)
	if outcome == "paid" {
		v.truth.add(fmt.Sprintf("revenue_cents_total{currency=%q}", currency), float64(cents))
	} else {
		v.truth.add(fmt.Sprintf("payment_failures_total{reason=%q}", outcome), 1)
	}
	return nil
}

func (v *visitor) logOut() error {
	_, err := v.ask("POST", "/api/auth/logout", nil, http.StatusNoContent)
	return err
}
