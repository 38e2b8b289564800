//! The places for connections, of which no single peer takes all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// How many connections may stand open, and whose do.
#[derive(Clone)]
pub(in crate::app) struct Places {
    taken: Arc<Mutex<Taken>>,
    most: usize,
    most_of_a_peer: usize,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// A place that is free again once this is dropped.
pub(in crate::app) struct Place {
    taken: Arc<Mutex<Taken>>,
    peer: IpAddr,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Full {
    /// Every place is taken.
    Whole,
    /// This peer has as many as one may have.
    OfPeer,
}

impl Places {
    /// So many, of which a quarter is left to others whatever one peer takes: who connects from
    /// one machine only cannot keep the kubelet or a scraper out.
    pub(in crate::app) fn new(most: usize) -> Self {
        Self { taken: Arc::default(), most, most_of_a_peer: most - most / 4 }
    }

    /// Takes a place for a peer.
    pub(in crate::app) fn take(&self, peer: IpAddr) -> Result<Place, Full> {
        // On a socket for both, an IPv4 address is written as an IPv6 one.
        let peer = peer.to_canonical();
        let mut taken = self.taken.lock().expect("no panic under this lock");
        if taken.all >= self.most {
            return Err(Full::Whole);
        }
        let of_peer = taken.by_peer.get(&peer).copied().unwrap_or_default();
        if of_peer >= self.most_of_a_peer {
            return Err(Full::OfPeer);
        }
        taken.all += 1;
        taken.by_peer.insert(peer, of_peer + 1);
        Ok(Place { taken: Arc::clone(&self.taken), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().expect("no panic under this lock");
        taken.all -= 1;
        if let Some(of_peer) = taken.by_peer.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                taken.by_peer.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_peer_takes_the_last_quarter() {
        let places = Places::new(8);
        let [greedy, other]: [IpAddr; 2] =
            ["::ffff:192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let mut held: Vec<Place> = (0..6).map(|_| places.take(greedy).ok().unwrap()).collect();
        assert_eq!(places.take(greedy).err(), Some(Full::OfPeer));
        assert_eq!(places.take(greedy.to_canonical()).err(), Some(Full::OfPeer));
        let others = [(); 2].map(|()| places.take(other).ok().unwrap());
        assert_eq!(places.take(other).err(), Some(Full::Whole));

        held.pop();
        held.push(places.take(greedy).ok().unwrap());
        drop((held, others));
        let taken = places.taken.lock().unwrap();
        assert!(taken.all == 0 && taken.by_peer.is_empty(), "who has left is not remembered");
    }
}
