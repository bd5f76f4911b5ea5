SELECT carrier, name FROM input WHERE carrier IS NOT NULL
