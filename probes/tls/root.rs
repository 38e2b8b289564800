//! The root that the configuration names, for the chain that a server sent.
//!
//! A verifier takes a root that it was given for trusted, whatever its dates. Most programs do not:
//! OpenSSL, and with it curl, Python and Node, and Go's library refuse a chain whose root is over.

use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::certificate::{self, Certificate};

/// The one of these authorities that issued the end of a chain, as it was sent and as it was read.
/// Of several with one name and key the one that lasts longest serves.
pub(super) fn find<D: AsRef<[u8]>, A: AsRef<[u8]>>(
    sent: &[D],
    chain: &[Certificate],
    authorities: &[A],
) -> Option<Certificate> {
    // The bundled one of that name is trusted as well, and is never old.
    let top = top(chain).filter(|top| !top.under_public_root)?;
    let der = sent.iter().map(AsRef::as_ref).find(|der| certificate::print(der) == top.fingerprint);
    let (_, top) = X509Certificate::from_der(der?).ok()?;
    let named = authorities.iter().filter_map(|authority| {
        let der = authority.as_ref();
        let (_, authority) = X509Certificate::from_der(der).ok()?;
        let issued = authority.subject().as_raw() == top.issuer().as_raw()
            && top.verify_signature(Some(authority.public_key())).is_ok();
        issued.then(|| certificate::read(der, &authority))
    });
    named.max_by_key(|authority| authority.not_after)
}

/// The certificate that nothing of what was sent issued.
fn top(chain: &[Certificate]) -> Option<&Certificate> {
    let mut top = chain.first()?;
    for _ in chain {
        let Some(above) = top.issued_by.and_then(|index| chain.get(index)) else { break };
        top = above;
    }
    Some(top)
}

#[cfg(test)]
mod tests {
    use musterd_test_support::ca::{Authority, Leaf};

    use super::*;

    #[test]
    fn the_root_that_issued_is_found_unless_a_bundled_one_has_its_name() {
        let (authority, other) = (Authority::new(), Authority::new());
        for leaf in [Leaf::localhost(), Leaf::localhost().with_root()] {
            let sent = authority.issue(&leaf).chain_der();
            let (mut chain, _) = certificate::read_chain(&sent);
            let root = find(&sent, &chain, &[other.der(), authority.der()]).unwrap();
            assert_eq!(root.fingerprint, certificate::print(&authority.der()));
            assert_eq!(find(&sent, &chain, &[other.der()]), None);
            for one in &mut chain {
                one.under_public_root = true;
            }
            assert_eq!(find(&sent, &chain, &[authority.der()]), None);
        }
    }
}
