//! How the allocator keeps what is free.

/// Limits glibc's allocator to an arena a core, for the life of the process.
/// By default it makes up to eight a core for as many threads, each with
/// leftovers of its own: the memory of a run then grew by a sixth with ten
/// times as many pages, and grows by half of that now. Call it before the
/// first thread is started. A setting of `MALLOC_ARENA_MAX` is left alone.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn limit_arenas() {
    if std::env::var_os("MALLOC_ARENA_MAX").is_some() {
        return;
    }
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    set_arena_max(i32::try_from(cores).unwrap_or(i32::MAX));
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "glibc takes its allocator's settings only through a C function")]
fn set_arena_max(arenas: i32) {
    // SAFETY: M_ARENA_MAX takes any number, reads no memory of ours, and no
    // other thread runs yet.
    let _unchanged_if_refused = unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) };
}

/// Other allocators keep no arena a thread.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn limit_arenas() {}
