-- One file at a time: the file is table `input`.
SELECT
  order_id,
  CAST(ordered_at AS DATE) AS day,
  customer,
  product,
  quantity,
  quantity * unit_price AS amount
FROM input
WHERE quantity > 0
