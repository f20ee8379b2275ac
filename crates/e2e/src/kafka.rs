//! Looks at Kafka through a client that is not ours: kcat.

use std::process::Command;

use serde_json::Value;

/// A topic on some brokers.
pub struct Topic {
    brokers: String,
    name: String,
}

impl Topic {
    /// Of brokers as in `host:port,host:port`.
    pub fn new(brokers: &str, name: &str) -> Self {
        Self { brokers: brokers.to_owned(), name: name.to_owned() }
    }

    /// The id of each partition's leader, by partition; -1 where there is none.
    ///
    /// # Errors
    /// What kcat said instead.
    pub fn leaders(&self) -> Result<Vec<i64>, String> {
        let answer = self.kcat(&["-L", "-J", "-t", &self.name])?;
        let answer: Value = serde_json::from_str(&answer).map_err(|failed| format!("{failed}: {answer}"))?;
        let partitions = answer["topics"][0]["partitions"].as_array().cloned().unwrap_or_default();
        if partitions.is_empty() {
            return Err(format!("no partitions: {answer}"));
        }
        Ok(partitions.iter().map(|partition| partition["leader"].as_i64().unwrap_or(-1)).collect())
    }

    /// How many messages it has in all: nothing is removed from it, and no transaction marks it.
    ///
    /// # Errors
    /// What kcat said instead.
    pub fn messages(&self) -> Result<u64, String> {
        let mut args = vec!["-Q".to_owned()];
        for partition in 0..self.leaders()?.len() {
            args.extend(["-t".to_owned(), format!("{}:{partition}:-1", self.name)]);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let answer = self.kcat(&args)?;
        // topic [0] offset 123
        let ends = answer.lines().map(|line| line.rsplit(' ').next().and_then(|end| end.parse::<u64>().ok()));
        ends.sum::<Option<u64>>().ok_or(answer)
    }

    fn kcat(&self, args: &[&str]) -> Result<String, String> {
        let output = Command::new("kcat").args(["-b", &self.brokers, "-m", "10"]).args(args).output();
        let output = output.map_err(|failed| format!("kcat (Debian: apt-get install kcat): {failed}"))?;
        if !output.status.success() {
            return Err(format!("kcat {args:?}: {}", String::from_utf8_lossy(&output.stderr)));
        }
        String::from_utf8(output.stdout).map_err(|failed| failed.to_string())
    }
}
