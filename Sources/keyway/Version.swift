// Version: what this Keyway calls itself, to people, clients and the statistics.

let keywayVersion = "0.1.0"
