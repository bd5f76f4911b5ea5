-- Altitude comes in feet.
SELECT
    faa,
    name,
    CAST(lat AS DOUBLE) AS latitude,
    CAST(lon AS DOUBLE) AS longitude,
    ROUND(CAST(alt AS DOUBLE) * 0.3048, 1) AS altitude_m,
    CAST(tz AS INTEGER) AS utc_offset_hours,
    tzone AS time_zone
FROM input
