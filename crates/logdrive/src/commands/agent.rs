//! `logdrive agent`

use crate::cli::RoleArgs;
use crate::failure::Failure;

pub(crate) fn run(_args: &RoleArgs) -> Result<(), Failure> {
    Err(Failure::Failed("not there yet".to_owned()))
}
