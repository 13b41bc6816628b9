//! Reordering as RFC 4737 section 3 defines it: a packet is reordered whose number lies below the next expected one.

/// Of numbers in order of arrival, duplicates taken out.
pub(super) fn reordered(numbers: impl IntoIterator<Item = u32>) -> u32 {
    let mut expected = 0;
    let mut late = 0;
    for number in numbers {
        if u64::from(number) < expected {
            late += 1;
        } else {
            expected = u64::from(number) + 1;
        }
    }
    late
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_no_reordering() {
        assert_eq!(reordered([]), 0);
        assert_eq!(reordered([u32::MAX]), 0);
        assert_eq!(reordered([4, 9]), 0);
        assert_eq!(reordered([9, 4]), 1);
    }

    #[test]
    fn each_packet_behind_a_later_one_counts() {
        // RFC 4737 section 3's kind of example: one early packet makes each that it overtook late.
        assert_eq!(reordered([0, 1, 5, 2, 3, 4, 6]), 3);
        assert_eq!(reordered([0, 2, 1, 4, 3]), 2);
    }
}
