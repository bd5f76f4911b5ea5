-- One row a flight, with types. A flight without a departure time was cancelled: it has no delays.
-- Delays and air time are in minutes, times of day are HHMM in local time, distance is in miles.
SELECT
    DATE(CONCAT_WS('-', CAST(year AS VARCHAR), LPAD(CAST(month AS VARCHAR), 2, '0'), LPAD(CAST(day AS VARCHAR), 2, '0')), '%Y-%m-%d') AS flight_date,
    CAST(year AS INTEGER) AS year,
    CAST(month AS INTEGER) AS month,
    CAST(day AS INTEGER) AS day,
    carrier,
    CAST(flight AS INTEGER) AS flight,
    tailnum,
    origin,
    dest,
    dep_time IS NULL AS cancelled,
    CAST(sched_dep_time AS INTEGER) AS sched_dep_time,
    CAST(dep_time AS INTEGER) AS dep_time,
    CASE WHEN dep_time IS NULL THEN NULL ELSE CAST(dep_delay AS INTEGER) END AS dep_delay,
    CAST(sched_arr_time AS INTEGER) AS sched_arr_time,
    CAST(arr_time AS INTEGER) AS arr_time,
    CASE WHEN dep_time IS NULL THEN NULL ELSE CAST(arr_delay AS INTEGER) END AS arr_delay,
    CAST(air_time AS INTEGER) AS air_time,
    CAST(distance AS INTEGER) AS distance,
    STRPTIME(time_hour, '%Y-%m-%dT%H:%M:%SZ') AS scheduled_hour_utc
FROM input
