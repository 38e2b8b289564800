//! Asks a server what it offers: a plan of at most twenty connections, one at a time.

use super::door::{CLOSED, Door, RESET, Said};
use super::meaning::{UNRECOGNIZED_NAME, is_dhe, judged, meaning};
use super::survey::{Answer, Ask, Attempt, Chosen, Survey};
use super::wire::hello::{GROUPS, Hello};
use super::wire::suite::{Class, Suite, any, matching};
use super::wire::version::Version;
use super::wire::{Flight, Want, ssl2};
use crate::blind::Blind;

/// A default run asks at most so many times.
pub(super) const MOST: u32 = 20;

/// After so many answers in a row that say nothing, an ordinary hello is sent to see whether the
/// server still answers at all.
const PATIENCE: u32 = 3;

/// More hellos of a survey without an answer are no chance.
const CHANCE: usize = 2;

/// Ends of a connection that say nothing by themselves.
const WORDLESS: [&str; 2] = [CLOSED, RESET];

/// Groups that are asked for alone.
const ASKED_GROUPS: [u16; 3] = [0x11EC, 0x001D, 0x0017];

/// One server and what is known of it so far.
pub(super) struct Scout<'a> {
    door: Door<'a>,
    pub(super) survey: Survey,
    /// The chain that came with the newest version before TLS 1.3.
    pub(super) chain: Vec<Vec<u8>>,
    most: u32,
    silent: u32,
    lost: bool,
}

impl<'a> Scout<'a> {
    pub(super) fn new(door: Door<'a>, most: u32) -> Self {
        Self { door, survey: Survey::default(), chain: Vec::new(), most, silent: 0, lost: false }
    }

    /// Asks everything that the plan holds.
    pub(super) async fn ask_all(&mut self) -> Result<(), Blind> {
        for version in Version::ALL {
            self.ask(Ask::Version(version), version).await?;
        }
        self.ask_again(|ask| matches!(ask, Ask::Version(_))).await?;
        if let Some(base) = self.survey.base() {
            self.ask_of(base).await?;
        }
        // For information alone, so what connections are left is enough for them.
        if self.survey.speaks(Version::Tls13) == Some(true) {
            for group in ASKED_GROUPS {
                self.ask(Ask::Group(group), Version::Tls13).await?;
            }
        }
        self.ask_again(|ask| !matches!(ask, Ask::Version(_))).await
    }

    /// Asks once more what got no answer, where that seems to be chance: one lost connection of a whole
    /// survey leaves nothing open.
    async fn ask_again(&mut self, which: impl Fn(Ask) -> bool) -> Result<(), Blind> {
        let open = |attempt: &Attempt| matches!(attempt.answer, Answer::Undetermined(_));
        let attempts = self.survey.attempts.iter().enumerate();
        let chosen = attempts.filter(|(_, attempt)| which(attempt.ask) && open(attempt));
        let again: Vec<(usize, Ask, Version)> =
            chosen.map(|(index, attempt)| (index, attempt.ask, attempt.version)).collect();
        if self.lost || again.len() > CHANCE {
            return Ok(());
        }
        for (index, ask, version) in again {
            if self.survey.connections + 1 >= self.most {
                return Ok(());
            }
            let said = self.say(ask, version).await?;
            self.survey.attempts[index].answer = self.answer(ask, version, said);
        }
        Ok(())
    }

    /// Asks what is agreed to before TLS 1.3.
    async fn ask_of(&mut self, base: Version) -> Result<(), Blind> {
        for class in Class::ASKED {
            self.ask(Ask::Class(class), base).await?;
        }
        self.ask(Ask::Dhe, base).await?;
        self.ask(Ask::Compression, base).await?;
        // What the server chose of everything says the most; only what that leaves open is asked.
        for ask in [Ask::ForwardSecret, Ask::Aead] {
            let open = matches!(self.survey.standing(ask), super::survey::Standing::NotAsked(_));
            if open && (ask != Ask::Aead || base == Version::Tls12) {
                self.ask(ask, base).await?;
            }
        }
        Ok(())
    }

    /// Asks for the groups that a default run leaves out.
    pub(super) async fn ask_other_groups(&mut self) -> Result<(), Blind> {
        if self.survey.speaks(Version::Tls13) == Some(true) {
            for (group, _) in GROUPS.iter().filter(|(group, _)| !ASKED_GROUPS.contains(group)) {
                self.ask(Ask::Group(*group), Version::Tls13).await?;
            }
        }
        Ok(())
    }

    /// Connections that were closed or reset without a word mean no only while the server still
    /// answers an ordinary hello; else something on the way keeps us out.
    pub(super) async fn settle(&mut self) -> Result<(), Blind> {
        let wordless = |attempt: &Attempt| matches!(&attempt.answer, Answer::Refused(why) if WORDLESS.contains(&why.as_str()));
        if !self.survey.attempts.iter().any(wordless) || self.answers_still().await? {
            return Ok(());
        }
        for attempt in self.survey.attempts.iter_mut().rev() {
            if !wordless(attempt) {
                break;
            }
            let why = match &attempt.answer {
                Answer::Refused(why) => format!("{why}, and an ordinary hello fared no better"),
                Answer::Offered(_) | Answer::Undetermined(_) => continue,
            };
            attempt.answer = Answer::Undetermined(why);
        }
        Ok(())
    }

    async fn ask(&mut self, ask: Ask, version: Version) -> Result<(), Blind> {
        if self.lost {
            return Ok(());
        }
        // One is kept, to see at the end whether the server still answers.
        if self.survey.connections + 1 >= self.most {
            self.lost = true;
            self.survey.spent = Some(self.spent());
            return Ok(());
        }
        let said = self.say(ask, version).await?;
        let answer = self.answer(ask, version, said);
        let says_nothing = matches!(answer, Answer::Undetermined(_));
        self.survey.attempts.push(Attempt { ask, version, answer });
        self.silent = if says_nothing { self.silent + 1 } else { 0 };
        if self.silent >= PATIENCE {
            self.control().await?;
        }
        Ok(())
    }

    async fn say(&mut self, ask: Ask, version: Version) -> Result<Said, Blind> {
        self.survey.connections += 1;
        let (hello, want) = self.hello(ask, version);
        self.door.ask(&hello, want).await
    }

    fn spent(&self) -> String {
        format!("one run asks at most {} times", self.most)
    }

    /// Does it still answer what it answered before? When not, asking on is of no use to us, and
    /// may be of harm to it.
    async fn control(&mut self) -> Result<(), Blind> {
        self.silent = 0;
        if !self.answers_still().await? {
            self.lost = true;
            self.survey.stopped = Some(format!("{PATIENCE} hellos in a row were not answered"));
        }
        Ok(())
    }

    /// Whether a hello that was answered before still is.
    async fn answers_still(&mut self) -> Result<bool, Blind> {
        let good = self.survey.attempts.iter().find(|attempt| {
            matches!(attempt.ask, Ask::Version(_)) && matches!(attempt.answer, Answer::Offered(_))
        });
        let Some((ask, version)) = good.map(|attempt| (attempt.ask, attempt.version)) else {
            return Ok(false);
        };
        if self.survey.connections >= self.most {
            return Ok(false);
        }
        let said = self.say(ask, version).await?;
        Ok(matches!(self.answer(ask, version, said), Answer::Offered(_)))
    }

    /// The bytes to send, and how far to read.
    fn hello(&self, ask: Ask, version: Version) -> (Vec<u8>, Want) {
        if version == Version::Ssl2 {
            return (ssl2::hello(std::array::from_fn(|_| fastrand::u8(..))), Want::Hello);
        }
        let suites = match ask {
            Ask::Version(_) | Ask::Group(_) | Ask::Compression => any(version),
            Ask::Class(class) => matching(version, |suite| suite.class() == Some(class)),
            Ask::Dhe => matching(version, is_dhe),
            Ask::ForwardSecret => matching(version, |suite| {
                suite.is_forward_secret() && !matches!(suite.class(), Some(Class::Unprotected))
            }),
            Ask::Aead => matching(version, Suite::is_aead),
        };
        let want = match ask {
            Ask::Dhe => Want::Flight,
            // The chain in the clear is worth reading where rustls may not shake hands.
            Ask::Version(version) if version < Version::Tls13 => Want::Flight,
            _ => Want::Hello,
        };
        (self.bytes(version, suites, ask), want)
    }

    fn bytes(&self, version: Version, suites: Vec<u16>, ask: Ask) -> Vec<u8> {
        let all = GROUPS.map(|(number, _)| number);
        let one;
        let groups: &[u16] = match ask {
            Ask::Group(group) => {
                one = [group];
                &one
            }
            _ if version == Version::Tls13 => &all,
            // Hybrid groups are TLS 1.3's alone.
            _ => all.get(1..).unwrap_or_default(),
        };
        let name = self.door.name.as_str();
        let hello = Hello {
            version,
            suites,
            groups,
            server_name: name.parse::<std::net::IpAddr>().is_err().then_some(name),
            compression: ask == Ask::Compression,
            random: std::array::from_fn(|_| fastrand::u8(..)),
        };
        hello.encode()
    }

    /// What an answer means.
    fn answer(&mut self, ask: Ask, version: Version, said: Said) -> Answer {
        let flight = match said {
            Said::Flight(flight) => flight,
            Said::Ssl2(0) => return Answer::Refused("SSLv2 without a single cipher".to_owned()),
            Said::Ssl2(_) => return Answer::Offered(Chosen::default()),
            // A server that wants to be named refuses whoever cannot name it.
            Said::Alert(UNRECOGNIZED_NAME) if version <= Version::Ssl3 => {
                return Answer::Refused(format!("it wants a name, and {version} has none"));
            }
            other => return meaning(other),
        };
        let Some(hello) = &flight.hello else {
            return Answer::Undetermined("an answer without a ServerHello".to_owned());
        };
        if hello.version != version.number() {
            let other = Version::numbered(hello.version)
                .map_or_else(|| format!("0x{:04X}", hello.version), |other| other.to_string());
            return match ask {
                Ask::Version(_) => Answer::Refused(format!("it answered with {other}")),
                _ => Answer::Undetermined(format!("it answered {version} with {other}")),
            };
        }
        if let Ask::Version(_) = ask
            && self.chain.is_empty()
        {
            self.chain.clone_from(&flight.certificates);
        }
        judged(ask, hello, &flight)
    }

    /// Asks for suites of a version, and gives the one that was chosen: a step of a listing.
    pub(super) async fn step(&mut self, version: Version, suites: &[u16]) -> Result<Step, Blind> {
        if self.survey.connections >= self.most {
            return Ok(Step::Cut(self.spent()));
        }
        self.survey.connections += 1;
        let ask = Ask::Version(version);
        let hello = self.bytes(version, suites.to_vec(), ask);
        Ok(match self.door.ask(&hello, Want::Hello).await? {
            Said::Flight(Flight { hello: Some(hello), .. })
                if hello.version == version.number() =>
            {
                if suites.contains(&hello.suite) {
                    Step::Chose(hello.suite)
                } else {
                    Step::Cut("it chose a suite that was not offered".to_owned())
                }
            }
            Said::Flight(_) => Step::None,
            other => match meaning(other) {
                Answer::Undetermined(why) => Step::Cut(why),
                Answer::Offered(_) | Answer::Refused(_) => Step::None,
            },
        })
    }
}

/// What a step of a listing came to.
pub(super) enum Step {
    /// This suite.
    Chose(u16),
    /// None of those that are left.
    None,
    /// Nobody can tell.
    Cut(String),
}
