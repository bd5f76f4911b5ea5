//! Capacity units. DynamoDB says what a request consumed, the index included, but not of one whose
//! condition did not hold: that costs as much as a write of what is there, which is computed.

use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity};
use lakegate_coordinator::ports::Meter;
use lakegate_model::cost::{READ_UNITS, WHOLE, WRITE_UNITS};

use super::table::Item;

/// Bytes that one write unit writes.
const WRITTEN: u64 = 1_024;

/// Counts what a read consumed.
pub(super) fn count_read<'a>(meter: &Meter, consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) {
    meter.count(READ_UNITS, thousandths(consumed));
}

/// Counts what a write consumed.
pub(super) fn count_write<'a>(meter: &Meter, consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) {
    meter.count(WRITE_UNITS, thousandths(consumed));
}

/// Counts a write that was refused because of the item that is there.
pub(super) fn count_refused(meter: &Meter, there: &Item) {
    meter.count(WRITE_UNITS, size(there).div_ceil(WRITTEN).max(1) * WHOLE);
}

fn thousandths<'a>(consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) -> u64 {
    let units: f64 = consumed.into_iter().filter_map(ConsumedCapacity::capacity_units).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "units are small and not negative")]
    let thousandths = (units * 1_000.0).round() as u64;
    thousandths
}

/// Bytes of an item, as DynamoDB counts them.
fn size(item: &Item) -> u64 {
    item.iter().map(|(name, value)| name.len() as u64 + size_of_value(value)).sum()
}

fn size_of_value(value: &AttributeValue) -> u64 {
    match value {
        AttributeValue::S(text) => text.len() as u64,
        // Two digits in a byte, and one more.
        AttributeValue::N(number) => number.len() as u64 / 2 + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len() as u64,
        AttributeValue::M(map) => 3 + map.iter().map(|(name, value)| 1 + name.len() as u64 + size_of_value(value)).sum::<u64>(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + size_of_value(value)).sum::<u64>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumed_capacity_is_added_up() {
        let meter = Meter::default();
        let consumed = [0.5, 2.0].map(|units| ConsumedCapacity::builder().capacity_units(units).build());
        count_read(&meter, &consumed);
        count_write(&meter, &consumed[1..]);
        assert_eq!((meter.open().get(READ_UNITS), meter.open().get(WRITE_UNITS)), (2_500, 2_000));
    }

    #[test]
    fn a_refused_write_costs_what_is_there() {
        for (bytes, units) in [(0, 1), (1_000, 1), (2_000, 2)] {
            let meter = Meter::default();
            count_refused(&meter, &Item::from([("a".to_owned(), AttributeValue::S("x".repeat(bytes)))]));
            assert_eq!(meter.open().get(WRITE_UNITS), units * WHOLE, "{bytes}");
        }
    }
}
