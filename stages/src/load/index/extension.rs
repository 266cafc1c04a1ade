//! Makes sqlite-vec's functions known to every connection of this process.

use std::ffi::{c_char, c_int};
use std::sync::OnceLock;

use rusqlite::ffi;

use crate::db::DbError;

type Entry = unsafe extern "C" fn(*mut ffi::sqlite3, *mut *mut c_char, *const ffi::sqlite3_api_routines) -> c_int;

/// Registers sqlite-vec, once; connections opened later have its functions.
#[allow(unsafe_code, reason = "SQLite takes an extension linked into the program only as a C function pointer")]
pub(super) fn register() -> Result<(), DbError> {
    static REGISTERED: OnceLock<c_int> = OnceLock::new();
    let code = *REGISTERED.get_or_init(|| {
        // SAFETY: sqlite-vec's C source defines this function as an extension's
        // entry point of exactly that type; its Rust declaration leaves the
        // arguments out. It is linked in statically and so is valid for ever,
        // and SQLite's own lock guards the list it is put into.
        unsafe {
            let entry = std::mem::transmute::<*const (), Entry>(sqlite_vec::sqlite3_vec_init as *const ());
            ffi::sqlite3_auto_extension(Some(entry))
        }
    });
    if code == ffi::SQLITE_OK {
        Ok(())
    } else {
        Err(DbError::Sql(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)))
    }
}
