-- Delays by carrier and month, in minutes, over all flights of the batch.
-- A flight is late if it arrived more than 15 minutes after its time; the share is of those that arrived.
SELECT
    f.year AS year,
    f.month AS month,
    f.carrier AS carrier,
    a.name AS airline,
    COUNT(*) AS flights,
    SUM(CASE WHEN f.cancelled THEN 1 ELSE 0 END) AS cancelled,
    ROUND(AVG(f.dep_delay), 1) AS mean_dep_delay,
    MEDIAN(f.dep_delay) AS median_dep_delay,
    ROUND(AVG(f.arr_delay), 1) AS mean_arr_delay,
    MEDIAN(f.arr_delay) AS median_arr_delay,
    ROUND(AVG(CASE WHEN f.arr_delay > 15 THEN 1.0 WHEN f.arr_delay <= 15 THEN 0.0 END), 3) AS late_share
FROM input AS f
LEFT JOIN airlines AS a ON f.carrier = a.carrier
GROUP BY f.year, f.month, f.carrier, a.name
ORDER BY year, month, carrier
