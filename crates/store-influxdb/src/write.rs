//! Points to requests, and what becomes of each.

use std::ops::Range;

use codec::line_protocol::{Precision, encode};
use model::{FieldValue, Point};
use store::metrics::{PointRefusal, check_point};

/// Lines of points, with where each is.
#[derive(Debug, Default)]
pub struct Lines {
    pub bytes: Vec<u8>,
    /// Which point, and where its line is.
    pub points: Vec<(usize, Range<usize>)>,
}

impl Lines {
    /// The lines of the points, and those that have none.
    pub fn of(points: &[Point], unsigned: bool) -> (Self, Vec<PointRefusal>) {
        let (mut lines, mut refusals) = (Self::default(), Vec::new());
        for (index, point) in points.iter().enumerate() {
            let began = lines.bytes.len();
            let written = check_point(point).and_then(|()| {
                let signed = if unsigned { None } else { signed(point)? };
                let point = signed.as_ref().unwrap_or(point);
                encode(point, Precision::Nanoseconds, &mut lines.bytes).map_err(|error| error.to_string())
            });
            match written {
                Ok(()) => lines.points.push((index, began..lines.bytes.len())),
                Err(reason) => refusals.push(PointRefusal { point: index, reason }),
            }
        }
        (lines, refusals)
    }

    /// The bytes of some of the points.
    pub fn slice(&self, some: &Range<usize>) -> &[u8] {
        match self.points.get(some.clone()).unwrap_or_default() {
            [] => &[],
            [first, .., last] => &self.bytes[first.1.start..last.1.end],
            [only] => &self.bytes[only.1.clone()],
        }
    }

    /// Ranges of points of at most so many bytes, at least one point each.
    pub fn requests(&self, bytes_max: usize) -> Vec<Range<usize>> {
        let mut requests: Vec<Range<usize>> = Vec::new();
        for (at, (_, range)) in self.points.iter().enumerate() {
            match requests.last_mut() {
                Some(last) if range.end - self.points[last.start].1.start <= bytes_max => last.end = at + 1,
                _ => requests.push(at..at + 1),
            }
        }
        requests
    }
}

/// The point with signed integers in place of unsigned ones, which InfluxDB 1.x does not know; `None` where it has none.
fn signed(point: &Point) -> Result<Option<Point>, String> {
    if !point.fields.iter().any(|(_, value)| matches!(value, FieldValue::Unsigned(_))) {
        return Ok(None);
    }
    let mut point = point.clone();
    for (key, value) in &mut point.fields {
        if let FieldValue::Unsigned(number) = value {
            let fits = i64::try_from(*number);
            let number = fits.map_err(|_| format!("its field '{key}' is {number}, more than InfluxDB 1.x can hold"))?;
            *value = FieldValue::Integer(number);
        }
    }
    Ok(Some(point))
}

/// Whether the server says that it refused all of the so many points of a request.
pub fn all_refused(said: &str, points: usize) -> bool {
    said.rsplit_once("dropped=").is_some_and(|(_, count)| count.trim().parse() == Ok(points))
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    fn point(value: FieldValue) -> Point {
        let fields = vec![("v".to_owned(), value)];
        Point { measurement: "m".to_owned(), tags: Vec::new(), fields, time: Timestamp::from_micros(1) }
    }

    #[test]
    fn unsigned_numbers_are_signed_where_there_are_no_others() {
        let points =
            [point(FieldValue::Unsigned(7)), point(FieldValue::Unsigned(u64::MAX)), point(FieldValue::Float(1.0))];
        let (lines, refusals) = Lines::of(&points, false);
        assert_eq!(lines.bytes, b"m v=7i 1000\nm v=1 1000\n");
        assert_eq!(refusals.iter().map(|refusal| refusal.point).collect::<Vec<_>>(), [1]);
        let (lines, refusals) = Lines::of(&points, true);
        assert_eq!((lines.points.len(), refusals.len()), (3, 0));
    }

    #[test]
    fn requests_cover_every_point_once_within_their_bound() {
        let points: Vec<_> = (0..50).map(|at| point(FieldValue::Integer(10i64.pow(at % 15)))).collect();
        let (lines, _) = Lines::of(&points, true);
        for max in [1, 20, 40, 100, 1 << 20] {
            let requests = lines.requests(max);
            let mut joined = Vec::new();
            for request in &requests {
                assert!(lines.slice(request).len() <= max || request.len() == 1, "{max}: {request:?}");
                joined.extend_from_slice(lines.slice(request));
            }
            assert_eq!(joined, lines.bytes, "{max}");
        }
        assert_eq!(lines.slice(&(3..3)), b"");
    }

    #[test]
    fn knows_when_the_server_took_none() {
        let said = "partial write: field type conflict: input field \"v\" is type float dropped=3";
        assert!(all_refused(said, 3) && !all_refused(said, 4) && !all_refused("no such thing", 0));
    }
}
