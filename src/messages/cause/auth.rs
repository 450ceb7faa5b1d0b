//! Failed authentication in words.

use crate::auth::IdentityError;
use crate::auth::jwt::TokenError;
use crate::messages::locale::Message;

pub(super) fn identity(error: &IdentityError) -> Message {
    match error {
        IdentityError::NoToken => Message::new("cause-no-token"),
        IdentityError::Token(error) => token(*error),
        IdentityError::NotTheGateway => Message::new("cause-not-the-gateway"),
        IdentityError::NoIdentity => Message::new("cause-no-identity"),
        IdentityError::UnreadableIdentity(header) => {
            Message::new("cause-unreadable-identity").with("header", header)
        }
    }
}

fn token(error: TokenError) -> Message {
    match error {
        TokenError::Malformed => Message::new("cause-token-malformed"),
        TokenError::Kind => Message::new("cause-token-kind"),
        TokenError::Algorithm => Message::new("cause-token-algorithm"),
        TokenError::Signature => Message::new("cause-token-signature"),
        TokenError::Expired => Message::new("cause-token-expired"),
        TokenError::NotYetValid => Message::new("cause-token-not-yet-valid"),
        TokenError::Issuer => Message::new("cause-token-issuer"),
        TokenError::Audience => Message::new("cause-token-audience"),
        TokenError::Claim(claim) => Message::new("cause-token-claim").with("claim", claim),
        TokenError::NoKeys => Message::new("cause-token-no-keys"),
    }
}
