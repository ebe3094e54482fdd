//! Versions of dependencies on whose steps an argument in the source rests.

/// The argument at the top of `threadsafe-gen/src/lock.rs` uses steps of `parking_lot`'s mutex that its documentation
/// does not promise. If this test fails, compare `raw_mutex.rs` of the new version with the steps named there, and with
/// the model in `threadsafe-gen/tests/model/mutex.rs`; then change the versions here and there.
#[test]
fn the_mutex_is_of_the_version_that_the_argument_of_close_was_checked_against() {
    let lock_file = include_str!("../Cargo.lock");
    for package in
        ["name = \"parking_lot\"\nversion = \"0.12.5\"\n", "name = \"parking_lot_core\"\nversion = \"0.9.12\"\n"]
    {
        assert!(lock_file.contains(package), "Cargo.lock has another version than: {package}");
    }
}
