//! Politeness: which host may be asked now, and by how many at once.
//!
//! One gate serves all crawler actors. It holds no clock: the time is an
//! argument. Each host has its own delay and its own count, so one host's
//! trouble never holds up another's.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// How many hosts may be remembered before idle ones are forgotten.
const HOSTS_IDLE_MAX: usize = 1_024;

/// Whether a request may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Turn {
    /// It may, and is counted from now on until [`Gate::finish`].
    Start,
    /// Not before this time, by the host's delay.
    WaitUntil(Instant),
    /// Not before a request to this host has ended.
    HostFull,
    /// Not before any request has ended.
    Full,
}

/// The limits of one crawl and what is in flight.
#[derive(Debug)]
pub struct Gate {
    requests_max: usize,
    per_host_max: usize,
    delay: Duration,
    in_flight: usize,
    hosts: HashMap<String, Host>,
}

#[derive(Debug, Default)]
struct Host {
    in_flight: usize,
    /// From robots.txt; never shortens the gate's own delay.
    delay: Duration,
    /// No request starts before; from the delay or from a server's wish.
    not_before: Option<Instant>,
}

impl Gate {
    /// A gate with nothing in flight. `delay` lies between the starts of two
    /// requests to one host.
    pub fn new(requests_max: NonZeroUsize, per_host_max: NonZeroUsize, delay: Duration) -> Self {
        Self {
            requests_max: requests_max.get(),
            per_host_max: per_host_max.get(),
            delay,
            in_flight: 0,
            hosts: HashMap::new(),
        }
    }

    /// Raises a host's delay to what its robots.txt asks for.
    pub fn set_delay(&mut self, host: &str, delay: Duration) {
        self.host(host).delay = delay;
    }

    /// Keeps a host from being asked before `until`, as `Retry-After` wants.
    pub fn hold(&mut self, host: &str, until: Instant) {
        let host = self.host(host);
        host.not_before = host.not_before.max(Some(until));
    }

    /// Starts a request to `host` if it may start now.
    pub fn try_start(&mut self, host: &str, now: Instant) -> Turn {
        let turn = self.turn(host, now);
        if turn == Turn::Start {
            self.in_flight += 1;
            let delay = self.delay;
            let host = self.host(host);
            host.in_flight += 1;
            let delay = delay.max(host.delay);
            if !delay.is_zero() {
                // A delay too long for the clock is not a delay but an error
                // in the settings, which are checked where they are read.
                host.not_before = now.checked_add(delay).max(host.not_before);
            }
        }
        turn
    }

    /// Ends a request that [`Gate::try_start`] has started.
    pub fn finish(&mut self, host: &str, now: Instant) {
        if let Some(host) = self.hosts.get_mut(host).filter(|host| host.in_flight > 0) {
            host.in_flight -= 1;
            self.in_flight -= 1;
        }
        if self.hosts.len() > HOSTS_IDLE_MAX {
            self.hosts.retain(|_, host| {
                host.in_flight > 0 || !host.delay.is_zero() || host.not_before.is_some_and(|time| time > now)
            });
        }
    }

    /// Requests in flight, over all hosts.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether no host at all may be asked now.
    pub fn is_full(&self) -> bool {
        self.in_flight >= self.requests_max
    }

    /// The hosts that may not be asked now: what the frontier passes over.
    pub fn busy_hosts(&self, now: Instant) -> Vec<String> {
        let busy = self.hosts.iter().filter(|(_, host)| self.host_turn(host, now) != Turn::Start);
        busy.map(|(name, _)| name.clone()).collect()
    }

    /// When the next host's delay ends, among those that only wait for it.
    pub fn next_start(&self, now: Instant) -> Option<Instant> {
        let waits = self.hosts.values().filter_map(|host| match self.host_turn(host, now) {
            Turn::WaitUntil(time) => Some(time),
            Turn::Start | Turn::HostFull | Turn::Full => None,
        });
        waits.min()
    }

    fn turn(&self, host: &str, now: Instant) -> Turn {
        if self.is_full() {
            return Turn::Full;
        }
        self.hosts.get(host).map_or(Turn::Start, |host| self.host_turn(host, now))
    }

    fn host_turn(&self, host: &Host, now: Instant) -> Turn {
        if host.in_flight >= self.per_host_max {
            return Turn::HostFull;
        }
        match host.not_before {
            Some(time) if time > now => Turn::WaitUntil(time),
            Some(_) | None => Turn::Start,
        }
    }

    fn host(&mut self, host: &str) -> &mut Host {
        self.hosts.entry(host.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gate(requests: usize, per_host: usize, delay_ms: u64) -> Gate {
        let count = |n| NonZeroUsize::new(n).unwrap();
        Gate::new(count(requests), count(per_host), Duration::from_millis(delay_ms))
    }

    #[test]
    fn one_hosts_delay_does_not_hold_up_another() {
        let (mut gate, now) = (gate(16, 8, 100), Instant::now());
        let later = now + Duration::from_millis(100);
        assert_eq!(gate.try_start("a", now), Turn::Start);
        assert_eq!(gate.try_start("a", now), Turn::WaitUntil(later));
        assert_eq!(gate.try_start("b", now), Turn::Start);
        assert_eq!((gate.busy_hosts(now).len(), gate.next_start(now)), (2, Some(later)));
        assert_eq!(gate.try_start("a", later), Turn::Start);
    }

    #[test]
    fn a_delay_of_robots_lengthens_and_never_shortens() {
        let (mut gate, now) = (gate(16, 8, 100), Instant::now());
        gate.set_delay("slow", Duration::from_secs(5));
        gate.set_delay("fast", Duration::from_millis(1));
        assert_eq!(gate.try_start("slow", now), Turn::Start);
        assert_eq!(gate.try_start("fast", now), Turn::Start);
        assert_eq!(gate.try_start("slow", now), Turn::WaitUntil(now + Duration::from_secs(5)));
        assert_eq!(gate.try_start("fast", now), Turn::WaitUntil(now + Duration::from_millis(100)));
    }

    #[test]
    fn a_held_host_waits_and_a_shorter_hold_does_not_free_it() {
        let (mut gate, now) = (gate(16, 8, 0), Instant::now());
        gate.hold("a", now + Duration::from_secs(9));
        gate.hold("a", now + Duration::from_secs(1));
        assert_eq!(gate.try_start("a", now), Turn::WaitUntil(now + Duration::from_secs(9)));
        assert_eq!(gate.try_start("b", now), Turn::Start);
    }

    #[test]
    fn counts_bound_a_host_and_the_whole() {
        let (mut gate, now) = (gate(3, 2, 0), Instant::now());
        assert_eq!([gate.try_start("a", now), gate.try_start("a", now)], [Turn::Start; 2]);
        assert_eq!(gate.try_start("a", now), Turn::HostFull);
        assert_eq!(gate.try_start("b", now), Turn::Start);
        assert_eq!(gate.try_start("c", now), Turn::Full);
        gate.finish("a", now);
        gate.finish("nobody", now);
        assert_eq!((gate.try_start("a", now), gate.in_flight()), (Turn::Start, 3));
    }

    #[test]
    fn idle_hosts_are_forgotten_and_delays_are_not() {
        let (mut gate, now) = (gate(2, 1, 0), Instant::now());
        gate.set_delay("polite", Duration::from_secs(1));
        for n in 0..3 * HOSTS_IDLE_MAX {
            assert_eq!(gate.try_start(&n.to_string(), now), Turn::Start);
            gate.finish(&n.to_string(), now);
        }
        assert!(gate.hosts.len() <= HOSTS_IDLE_MAX + 1 && gate.hosts.contains_key("polite"));
    }

    proptest! {
        #[test]
        fn no_limit_is_ever_crossed(steps in prop::collection::vec((0_u8..3, 0_u64..30, any::<bool>()), 0..200)) {
            let (mut gate, start) = (gate(5, 2, 10), Instant::now());
            let mut flying: Vec<String> = Vec::new();
            let mut last: HashMap<String, u64> = HashMap::new();
            let mut time_ms = 0;
            for (host, ms, ends) in steps {
                time_ms += ms;
                let (host, now) = (host.to_string(), start + Duration::from_millis(time_ms));
                if ends {
                    if let Some(at) = flying.iter().position(|flying| *flying == host) {
                        gate.finish(&flying.swap_remove(at), now);
                    }
                } else if gate.try_start(&host, now) == Turn::Start {
                    prop_assert!(last.insert(host.clone(), time_ms).is_none_or(|before| time_ms >= before + 10));
                    flying.push(host.clone());
                }
                prop_assert!(flying.len() <= 5 && flying.iter().filter(|flying| **flying == host).count() <= 2);
                prop_assert_eq!(gate.in_flight(), flying.len());
            }
        }
    }
}
