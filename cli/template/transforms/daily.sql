-- All files of the batch together are table `input`.
SELECT
  day,
  product,
  COUNT(*) AS orders,
  SUM(quantity) AS quantity,
  SUM(amount) AS amount
FROM input
GROUP BY day, product
ORDER BY day, product
