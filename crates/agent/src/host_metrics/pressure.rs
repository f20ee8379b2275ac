//! `pressure`: for how much of the time work has stood still for want of processors, memory or disks. From
//! `/proc/pressure`.

use super::points::{Points, float, integer};
use model::FieldValue;

/// What may be scarce: a file of `/proc/pressure` each.
pub const RESOURCES: [&str; 3] = ["cpu", "memory", "io"];

/// Adds `pressure` of one resource.
pub fn add(resource: &str, text: &str, points: &mut Points) {
    for line in text.lines() {
        let mut columns = line.split_ascii_whitespace();
        let Some(kind @ ("some" | "full")) = columns.next() else { continue };
        let fields = columns.filter_map(|column| -> Option<(&str, FieldValue)> {
            let (key, value) = column.split_once('=')?;
            let value = if key == "total" { integer(value.parse().ok()?) } else { float(value.parse().ok()?) };
            Some((key, value))
        });
        points.add("pressure", [("resource", resource), ("type", kind)], fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_of_a_resource() {
        let mut points = Points::none();
        let text = "some avg10=15.12 avg60=27.21 avg300=36.18 total=4122427231\n\
            full avg10=0.00 avg60=0.00 avg300=0.00 total=0\nnew avg10=1\nsome rubbish\n";
        add("cpu", text, &mut points);
        assert_eq!(
            points.shown(),
            [
                "pressure,resource=cpu,type=some avg10=15.12,avg60=27.21,avg300=36.18,total=4122427231i",
                "pressure,resource=cpu,type=full avg10=0,avg60=0,avg300=0,total=0i",
            ]
        );
    }
}
