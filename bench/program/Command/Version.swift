// Version: what this bench calls itself; it goes with Keyway's own number.

let benchVersion = "0.1.0"
