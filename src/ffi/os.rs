//! Operating-system primitives: raw threads, the fork generation, a descriptor that shows a state.

#![allow(unsafe_code)]

#[cfg(feature = "capi")]
use crate::completion_queue::Signal;
use std::cell::Cell;
use std::ffi::{CString, c_int, c_void};
use std::fs::File;
use std::io;
#[cfg(feature = "capi")]
use std::io::{Read, Write};
use std::marker::PhantomData;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, BorrowedFd};
#[cfg(feature = "capi")]
use std::os::fd::{FromRawFd, RawFd};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

static FORK_GENERATION: AtomicU32 = AtomicU32::new(0);
static REGISTER_FORK_HANDLER: Once = Once::new();

#[cfg_attr(miri, allow(dead_code))]
extern "C" fn raise_fork_generation() {
    FORK_GENERATION.fetch_add(1, Ordering::Relaxed);
    super::inherited::close_all();
}

/// How many forks lie between the first process and this one, counted from the first call on.
///
/// What was made under another generation belongs to the parent and must not be touched.
pub(crate) fn fork_generation() -> u32 {
    REGISTER_FORK_HANDLER.call_once(|| {
        // SAFETY: the handler is a static function that makes only calls which a child of many threads may make.
        #[cfg(not(miri))]
        unsafe {
            libc::pthread_atfork(None, None, Some(raise_fork_generation))
        };
    });
    FORK_GENERATION.load(Ordering::Relaxed)
}

/// A lazily made value, one for each process: after a fork the child makes its own and the parent's copy is leaked,
/// since its locks may be held by threads that the child does not have.
#[derive(Debug)]
pub(crate) struct ForkLocal<T: Send + Sync + 'static> {
    slot: AtomicPtr<Slot<T>>,
    owns: PhantomData<T>,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: T,
}

impl<T: Send + Sync + 'static> ForkLocal<T> {
    pub(crate) const fn new() -> Self {
        ForkLocal { slot: AtomicPtr::new(std::ptr::null_mut()), owns: PhantomData }
    }

    /// This process's value, made by `make` on the first call.
    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &'static T {
        let generation = fork_generation();
        let current = self.slot.load(Ordering::Acquire);
        // SAFETY: a slot is published once, fully made, and never freed.
        if let Some(slot) = unsafe { current.as_ref() }
            && slot.generation == generation
        {
            return &slot.value;
        }
        let fresh = Box::into_raw(Box::new(Slot { generation, value: make() }));
        match self.slot.compare_exchange(current, fresh, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: just made and now published; slots are never freed.
            Ok(_) => unsafe { &(*fresh).value },
            Err(winner) => {
                // SAFETY: `fresh` was not published, so this is its only owner; `winner` was and is never freed.
                unsafe {
                    drop(Box::from_raw(fresh));
                    &(*winner).value
                }
            }
        }
    }
}

thread_local! {
    static LIBRARY_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is one of the library's.
pub(crate) fn is_library_thread() -> bool {
    LIBRARY_THREAD.try_with(Cell::get).unwrap_or(false)
}

/// A thread of the operating system without Rust's start-up frame.
///
/// A foreign callback may end the thread it runs on by `pthread_exit` (CPython does at its finalisation). Unwinding a
/// `std::thread` like that aborts the process; here nothing between the callback and the thread's start needs a drop.
#[derive(Debug)]
pub(crate) struct RawThread(libc::pthread_t);

// SAFETY: the handle names a thread, whatever its type is (musl's is a pointer): the calls take it from any thread.
unsafe impl Send for RawThread {}
// SAFETY: as above; and nothing reads what it may point to.
unsafe impl Sync for RawThread {}

struct Start<T> {
    entry: fn(&T),
    name: CString,
    context: Arc<T>,
}

impl RawThread {
    /// Starts `entry(&context)` on a thread called `name` (at most 15 bytes), with every signal blocked.
    pub(crate) fn spawn<T: Send + Sync + 'static>(name: &str, context: Arc<T>, entry: fn(&T)) -> io::Result<RawThread> {
        let name = CString::new(name)?;
        let start = Box::into_raw(Box::new(Start { entry, name, context }));
        let main: extern "C-unwind" fn(*mut c_void) -> *mut c_void = thread_main::<T>;
        // SAFETY: the two types differ only in whether unwinding may pass, and glibc's and musl's callers let it.
        let main = unsafe {
            std::mem::transmute::<
                extern "C-unwind" fn(*mut c_void) -> *mut c_void,
                extern "C" fn(*mut c_void) -> *mut c_void,
            >(main)
        };
        // SAFETY: `start` is owned by the new thread, or taken back when there is none.
        with_signals_blocked(|| unsafe {
            let mut thread: libc::pthread_t = std::mem::zeroed();
            let failed: c_int = libc::pthread_create(&mut thread, std::ptr::null(), main, start.cast());
            if failed != 0 {
                drop(Box::from_raw(start));
                return Err(io::Error::from_raw_os_error(failed));
            }
            Ok(RawThread(thread))
        })
    }

    /// Waits for the thread's end.
    pub(crate) fn join(self) {
        // SAFETY: the thread is joinable, and `self` is used up: it is neither joined nor detached twice.
        unsafe { libc::pthread_join(self.0, std::ptr::null_mut()) };
    }

    /// Lets the thread end by itself.
    pub(crate) fn detach(self) {
        // SAFETY: as for `join`.
        unsafe { libc::pthread_detach(self.0) };
    }
}

/// A thread that starts in here takes none of the process's signals.
#[cfg(not(miri))]
fn with_signals_blocked<T>(action: impl FnOnce() -> T) -> T {
    // SAFETY: the sets are plain data, filled by the calls that take them.
    let before = unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        before
    };
    let result = action();
    // SAFETY: the set is the one that was in force.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
    result
}

/// Miri knows no signals.
#[cfg(miri)]
fn with_signals_blocked<T>(action: impl FnOnce() -> T) -> T {
    action()
}

extern "C-unwind" fn thread_main<T>(start: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` hands over a box of this type, once.
    let Start { entry, name, context } = *unsafe { Box::from_raw(start.cast::<Start<T>>()) };
    LIBRARY_THREAD.with(|library| library.set(true));
    set_name(&name);
    drop(name);
    // A raw pointer, so that nothing in this frame waits for a drop while `entry` runs.
    let context = Arc::into_raw(context);
    // SAFETY: the reference count keeps the value alive until it is given back below; when the thread is ended from
    // inside `entry` it is leaked.
    unsafe {
        entry(&*context);
        drop(Arc::from_raw(context));
    }
    std::ptr::null_mut()
}

#[cfg(all(feature = "capi", target_os = "linux", not(miri)))]
unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// While it lives `pthread_cancel` waits: a thread that ended in a system call of the library would unwind through it, and
/// leave to nobody what it reads for others.
#[cfg(feature = "capi")]
pub(crate) struct Uncancelled {
    #[cfg(all(target_os = "linux", not(miri)))]
    before: c_int,
}

#[cfg(feature = "capi")]
impl Uncancelled {
    #[cfg(all(target_os = "linux", not(miri)))]
    pub(crate) fn new() -> Self {
        /// As glibc and musl have it.
        const PTHREAD_CANCEL_DISABLE: c_int = 1;
        let mut before = 0;
        // SAFETY: the place of the state before is lent for the call.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut before) };
        Uncancelled { before }
    }

    #[cfg(not(all(target_os = "linux", not(miri))))]
    pub(crate) fn new() -> Self {
        Uncancelled {}
    }
}

#[cfg(all(feature = "capi", target_os = "linux", not(miri)))]
impl Drop for Uncancelled {
    fn drop(&mut self) {
        // SAFETY: the state is one that the call gave, and there need be no place for another.
        unsafe { pthread_setcancelstate(self.before, std::ptr::null_mut()) };
    }
}

/// Makes the event loop of the calling task watch a socket, for bytes and for room.
pub(crate) fn watch(socket: Arc<TcpStream>) -> io::Result<AsyncFd<Arc<TcpStream>>> {
    // SAFETY: the socket is open, and stays so as long as the handle that goes along; nobody puts another in its place.
    let watched = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE | Interest::WRITABLE) };
    Ok(watched?)
}

/// Waits until a descriptor is readable or has ended; `false` when `timeout` passed before.
pub(crate) fn wait_readable(descriptor: BorrowedFd<'_>, timeout: Duration) -> io::Result<bool> {
    let mut polled = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    match poll(&mut polled, timeout) {
        ready if ready < 0 => Err(io::Error::last_os_error()),
        ready => Ok(ready > 0),
    }
}

/// The system call itself: the function of the C library is a cancellation point, and a thread that were cancelled in
/// there would unwind through the library.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn poll(polled: &mut libc::pollfd, timeout: Duration) -> i64 {
    let timeout = libc::timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(libc::c_long::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // SAFETY: one entry and the time are lent for the call; there is no set of signals, whose size is then not read.
    unsafe {
        let none: *const libc::sigset_t = std::ptr::null();
        libc::syscall(
            libc::SYS_ppoll,
            polled as *mut libc::pollfd,
            1 as libc::nfds_t,
            &raw const timeout,
            none,
            0_usize,
        )
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn poll(polled: &mut libc::pollfd, timeout: Duration) -> i64 {
    // Rounded up: whoever waits for a deadline must not find itself before it.
    let milliseconds = timeout.as_nanos().div_ceil(1_000_000).try_into().unwrap_or(c_int::MAX);
    // SAFETY: one entry is lent for the call.
    unsafe { libc::poll(polled, 1, milliseconds).into() }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_name(name: &CString) {
    // SAFETY: the name is NUL terminated; a longer one is refused by the call and left out.
    unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr()) };
}

#[cfg(any(target_os = "macos", target_os = "ios"))]
fn set_name(name: &CString) {
    // SAFETY: the name is NUL terminated.
    unsafe { libc::pthread_setname_np(name.as_ptr()) };
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos", target_os = "ios")))]
fn set_name(_name: &CString) {}

/// Locks a file against other processes, and against other openings of it in this one, until it is closed; `false`: it
/// is locked already.
pub(crate) fn lock_file(file: &File) -> io::Result<bool> {
    // SAFETY: the descriptor is open, and the call takes only numbers.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        error => Err(error),
    }
}

/// A descriptor that is readable as long as it is raised: an eventfd, or a pipe where there is none.
#[cfg(feature = "capi")]
#[derive(Debug)]
pub(crate) struct Readiness {
    readable: File,
    /// The other end of a pipe; an eventfd has none.
    writable: Option<File>,
}

/// The numbers of its descriptors.
#[cfg(feature = "capi")]
pub(crate) type ReadinessNumbers = [Option<RawFd>; 2];

#[cfg(feature = "capi")]
impl Readiness {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: the call takes only numbers.
        let made = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if made < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just made, so that nobody else owns it.
        Ok(Readiness { readable: unsafe { File::from_raw_fd(made) }, writable: None })
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn new() -> io::Result<Self> {
        Self::pipe()
    }

    #[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
    fn pipe() -> io::Result<Self> {
        let mut ends = [0; 2];
        // SAFETY: there is room for two numbers.
        if unsafe { libc::pipe(ends.as_mut_ptr()) } < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: both were made just now, so that nobody else owns them; they are closed when the rest fails.
        let [readable, writable] = ends.map(|end| unsafe { File::from_raw_fd(end) });
        for end in ends {
            // SAFETY: the descriptor is open, and the calls take only numbers.
            let failed = unsafe {
                libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) < 0
                    || libc::fcntl(end, libc::F_SETFL, libc::O_NONBLOCK) < 0
            };
            if failed {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Readiness { readable, writable: Some(writable) })
    }

    /// What to wait on, then what else is open.
    pub(crate) fn numbers(&self) -> ReadinessNumbers {
        [Some(self.readable.as_raw_fd()), self.writable.as_ref().map(File::as_raw_fd)]
    }

    /// Closes the descriptors of one that was made before a fork, in the child, where the rest of it is not touched.
    pub(crate) fn close_inherited(numbers: ReadinessNumbers) {
        for number in numbers.into_iter().flatten() {
            // SAFETY: the child's copy of the descriptor, whose owner is leaked by the caller.
            unsafe { libc::close(number) };
        }
    }
}

#[cfg(feature = "capi")]
impl Signal for Readiness {
    fn raise(&self) {
        let written = match self.writable.as_ref() {
            None => (&self.readable).write(&1_u64.to_ne_bytes()),
            Some(mut end) => end.write(&[1]),
        };
        if let Err(error) = written {
            tracing::error!(%error, "the descriptor of a completion queue cannot be raised");
        }
    }

    fn clear(&self) {
        // An eventfd gives all of its eight bytes, a pipe the one that was written.
        if let Err(error) = (&self.readable).read(&mut [0; 8]) {
            tracing::error!(%error, "the descriptor of a completion queue cannot be cleared");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[cfg(feature = "capi")]
    fn is_readable(readiness: &Readiness) -> bool {
        let fd = readiness.numbers()[0].unwrap();
        let mut polled = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry is lent.
        let ready = unsafe { libc::poll(&mut polled, 1, 0) };
        assert!(ready >= 0);
        ready == 1
    }

    #[cfg(feature = "capi")]
    #[cfg_attr(miri, ignore = "Miri knows neither pipes with these flags nor poll")]
    #[test]
    fn a_descriptor_is_readable_exactly_while_it_is_raised() {
        for readiness in [Readiness::new().unwrap(), Readiness::pipe().unwrap()] {
            for _ in 0..3 {
                assert!(!is_readable(&readiness));
                readiness.raise();
                assert!(is_readable(&readiness));
                readiness.clear();
            }
            for number in readiness.numbers().into_iter().flatten() {
                // SAFETY: the descriptor is open, and the calls take only numbers.
                let (flags, status) =
                    unsafe { (libc::fcntl(number, libc::F_GETFD), libc::fcntl(number, libc::F_GETFL)) };
                assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
                assert_eq!(status & libc::O_NONBLOCK, libc::O_NONBLOCK);
            }
        }
    }

    #[test]
    fn a_raw_thread_runs_and_is_told_apart() {
        let seen = Arc::new(Mutex::new(None));
        let thread = RawThread::spawn("mqp-test", Arc::clone(&seen), |seen| {
            *seen.lock().unwrap() = Some(is_library_thread());
        });
        thread.unwrap().join();
        assert_eq!(*seen.lock().unwrap(), Some(true));
        assert!(!is_library_thread());
        assert_eq!(Arc::strong_count(&seen), 1);
    }

    #[test]
    fn a_fork_local_value_is_made_once_in_a_process() {
        static VALUE: ForkLocal<Mutex<u32>> = ForkLocal::new();
        *VALUE.get_or_init(|| Mutex::new(1)).lock().unwrap() += 1;
        assert_eq!(*VALUE.get_or_init(|| Mutex::new(100)).lock().unwrap(), 2);
    }
}
