-- Temperatures come in Fahrenheit, speeds in miles per hour, precipitation in inches, visibility in miles.
SELECT
    origin,
    CAST(year AS INTEGER) AS year,
    CAST(month AS INTEGER) AS month,
    CAST(day AS INTEGER) AS day,
    CAST(hour AS INTEGER) AS hour,
    STRPTIME(time_hour, '%Y-%m-%dT%H:%M:%SZ') AS hour_utc,
    ROUND((CAST(temp AS DOUBLE) - 32) / 1.8, 1) AS temperature_c,
    ROUND((CAST(dewp AS DOUBLE) - 32) / 1.8, 1) AS dew_point_c,
    CAST(humid AS DOUBLE) AS humidity_percent,
    CAST(wind_dir AS INTEGER) AS wind_direction_degrees,
    ROUND(CAST(wind_speed AS DOUBLE) * 1.609344, 1) AS wind_speed_kmh,
    ROUND(CAST(wind_gust AS DOUBLE) * 1.609344, 1) AS wind_gust_kmh,
    ROUND(CAST(precip AS DOUBLE) * 25.4, 1) AS precipitation_mm,
    CAST(pressure AS DOUBLE) AS pressure_hpa,
    ROUND(CAST(visib AS DOUBLE) * 1.609344, 1) AS visibility_km
FROM input
