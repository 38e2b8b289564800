//! Every suite of every version, one connection for each and a few more: `depth: full`.

use super::scout::{Scout, Step};
use super::survey::Listing;
use super::wire::suite::{Suite, offered};
use super::wire::version::Version;
use crate::blind::Blind;

/// Some stacks choke on longer hellos.
const BATCH: usize = 64;

/// Lists the suites of every version that is spoken. What the server chose leaves the offer until
/// it finds nothing any more.
pub(super) async fn list(scout: &mut Scout<'_>) -> Result<(), Blind> {
    for version in Version::ALL {
        if version == Version::Ssl2 || scout.survey.speaks(version) != Some(true) {
            continue;
        }
        let mut listing = Listing::default();
        for batch in offered(version, |_| true).chunks(BATCH) {
            let mut left = batch.to_vec();
            while !left.is_empty() && listing.cut.is_none() {
                match scout.step(version, &left).await? {
                    Step::Chose(suite) => {
                        left.retain(|number| *number != suite);
                        listing.suites.push(Suite::name_of(suite));
                    }
                    Step::None => break,
                    Step::Cut(why) => listing.cut = Some(why),
                }
            }
        }
        scout.survey.listings.insert(version, listing);
    }
    Ok(())
}
