//! Signatures of tokens (RFC 7518, section 3), by `ring`.
//!
//! A key is used only with the algorithms of its own kind (RFC 8725, section 3.1): a public key never serves as a
//! shared secret.

use std::str::FromStr;

use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair, UnparsedPublicKey};
use ring::{hmac, rsa};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer, alg_id};
use serde::de::{IntoDeserializer, value};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The supported signature algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum Algorithm {
    HS256,
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

use Algorithm::{ES256, ES384, EdDSA, HS256, PS256, PS384, PS512, RS256, RS384, RS512};

impl FromStr for Algorithm {
    type Err = value::Error;

    fn from_str(text: &str) -> Result<Self, value::Error> {
        Self::deserialize(text.into_deserializer())
    }
}

/// A key that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    #[error("it is not an RSA, P-256, P-384 or Ed25519 key")]
    Unsupported,
    #[error("it does not sign with {0:?}")]
    Algorithm(Algorithm),
}

/// A key that checks signatures.
#[derive(Debug)]
pub enum VerifyingKey {
    Secret(hmac::Key),
    /// 2048 to 8192 bits; signatures by other sizes are refused.
    Rsa(rsa::PublicKeyComponents<Vec<u8>>),
    /// An uncompressed point.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl VerifyingKey {
    pub fn from_secret(secret: &[u8]) -> Self {
        Self::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// An RSA key from its modulus and exponent, big-endian.
    pub fn from_rsa(n: &[u8], e: &[u8]) -> Self {
        let [n, e] = [n, e].map(|number| {
            let zeros = number.iter().take_while(|&&byte| byte == 0).count();
            number[zeros..].to_vec()
        });
        Self::Rsa(rsa::PublicKeyComponents { n, e })
    }

    /// The first `BEGIN PUBLIC KEY` of a PEM text.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| KeyError::Unsupported)?;
        from_public_key_info(&info)
            .and_then(VerifyingKey::checked)
            .ok_or(KeyError::Unsupported)
    }

    /// The key, if its size is supported and it can have a secret: anybody can sign for a point of low order.
    pub fn checked(self) -> Option<Self> {
        let is_usable = match &self {
            Self::Secret(_) => true,
            Self::Rsa(key) => (256..=1024).contains(&key.n.len()),
            Self::P256(point) => point.len() == 65,
            Self::P384(point) => point.len() == 97,
            Self::Ed25519(point) => {
                <[u8; 32]>::try_from(&point[..]).is_ok_and(|point| !is_of_low_order(point))
            }
        };
        is_usable.then_some(self)
    }

    /// The algorithms of this kind of key.
    pub fn algorithms(&self) -> &'static [Algorithm] {
        match self {
            Self::Secret(_) => &[HS256],
            Self::Rsa(_) => &[RS256, RS384, RS512, PS256, PS384, PS512],
            Self::P256(_) => &[ES256],
            Self::P384(_) => &[ES384],
            Self::Ed25519(_) => &[EdDSA],
        }
    }

    /// Whether this is a signature of the message by this key and algorithm.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let rsa =
            |key: &rsa::PublicKeyComponents<Vec<u8>>, parameters| key.verify(parameters, message, signature);
        match (algorithm, self) {
            (HS256, Self::Secret(key)) => hmac::verify(key, message, signature),
            (RS256, Self::Rsa(key)) => rsa(key, &signature::RSA_PKCS1_2048_8192_SHA256),
            (RS384, Self::Rsa(key)) => rsa(key, &signature::RSA_PKCS1_2048_8192_SHA384),
            (RS512, Self::Rsa(key)) => rsa(key, &signature::RSA_PKCS1_2048_8192_SHA512),
            (PS256, Self::Rsa(key)) => rsa(key, &signature::RSA_PSS_2048_8192_SHA256),
            (PS384, Self::Rsa(key)) => rsa(key, &signature::RSA_PSS_2048_8192_SHA384),
            (PS512, Self::Rsa(key)) => rsa(key, &signature::RSA_PSS_2048_8192_SHA512),
            (ES256, Self::P256(key)) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, key).verify(message, signature)
            }
            (ES384, Self::P384(key)) => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, key).verify(message, signature)
            }
            (EdDSA, Self::Ed25519(key)) => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature)
            }
            _ => return false,
        }
        .is_ok()
    }
}

/// A key that signs tokens.
pub enum SigningKey {
    Secret(hmac::Key),
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    pub fn from_secret(secret: &[u8]) -> Self {
        Self::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The first private key of a PEM text: PKCS #8, or PKCS #1 for RSA.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::Unsupported)?;
        let random = SystemRandom::new();
        let curve = |algorithm, pkcs8| EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &random);
        let der = match &der {
            PrivateKeyDer::Pkcs8(der) => der.secret_pkcs8_der(),
            PrivateKeyDer::Pkcs1(der) => {
                let key = RsaKeyPair::from_der(der.secret_pkcs1_der());
                return key.map(Self::Rsa).map_err(|_| KeyError::Unsupported);
            }
            _ => return Err(KeyError::Unsupported),
        };
        RsaKeyPair::from_pkcs8(der)
            .map(Self::Rsa)
            .or_else(|_| curve(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Self::P256))
            .or_else(|_| curve(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, der).map(Self::P384))
            // `from_pkcs8` would require the public key, which OpenSSL does not write.
            .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Self::Ed25519))
            .map_err(|_| KeyError::Unsupported)
    }

    pub fn default_algorithm(&self) -> Algorithm {
        match self {
            Self::Secret(_) => HS256,
            Self::Rsa(_) => RS256,
            Self::P256(_) => ES256,
            Self::P384(_) => ES384,
            Self::Ed25519(_) => EdDSA,
        }
    }

    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let refusal = KeyError::Algorithm(algorithm);
        let random = SystemRandom::new();
        let encoding: &dyn signature::RsaEncoding = match (algorithm, self) {
            (HS256, Self::Secret(key)) => return Ok(hmac::sign(key, message).as_ref().to_vec()),
            (ES256, Self::P256(key)) | (ES384, Self::P384(key)) => {
                let signature = key.sign(&random, message).map_err(|_| refusal)?;
                return Ok(signature.as_ref().to_vec());
            }
            (EdDSA, Self::Ed25519(key)) => return Ok(key.sign(message).as_ref().to_vec()),
            (RS256, Self::Rsa(_)) => &signature::RSA_PKCS1_SHA256,
            (RS384, Self::Rsa(_)) => &signature::RSA_PKCS1_SHA384,
            (RS512, Self::Rsa(_)) => &signature::RSA_PKCS1_SHA512,
            (PS256, Self::Rsa(_)) => &signature::RSA_PSS_SHA256,
            (PS384, Self::Rsa(_)) => &signature::RSA_PSS_SHA384,
            (PS512, Self::Rsa(_)) => &signature::RSA_PSS_SHA512,
            _ => return Err(refusal),
        };
        let Self::Rsa(key) = self else {
            return Err(refusal);
        };
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(encoding, &random, message, &mut signature)
            .map_err(|_| refusal)?;
        Ok(signature)
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// Parses a `SubjectPublicKeyInfo` (RFC 5280, section 4.1): an algorithm, and a key in a bit string.
fn from_public_key_info(info: &[u8]) -> Option<VerifyingKey> {
    let (info, []) = der(SEQUENCE, info)? else {
        return None;
    };
    let (algorithm, rest) = der(SEQUENCE, info)?;
    let (bits, []) = der(BIT_STRING, rest)? else {
        return None;
    };
    let key = bits.strip_prefix(&[0])?;
    if algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
        let (numbers, []) = der(SEQUENCE, key)? else {
            return None;
        };
        let (n, rest) = der(INTEGER, numbers)?;
        let (e, _) = der(INTEGER, rest)?;
        Some(VerifyingKey::from_rsa(n, e))
    } else if algorithm == alg_id::ECDSA_P256.as_ref() {
        Some(VerifyingKey::P256(key.to_vec()))
    } else if algorithm == alg_id::ECDSA_P384.as_ref() {
        Some(VerifyingKey::P384(key.to_vec()))
    } else if algorithm == alg_id::ED25519.as_ref() {
        Some(VerifyingKey::Ed25519(key.to_vec()))
    } else {
        None
    }
}

/// Whether a point of Ed25519 has an order of 8 or less, in any of its encodings: by its y coordinate, which is 0, 1, -1
/// or one of two for order 8, and may be written with the prime (2^255 - 19) added.
fn is_of_low_order(mut point: [u8; 32]) -> bool {
    const ORDER_8: [u8; 32] = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ];
    // The highest bit is the sign of x.
    point[31] &= 0x7f;
    let negative: [u8; 32] = std::array::from_fn(|index| match index {
        0 => 0xed - ORDER_8[0],
        31 => 0x7f - ORDER_8[31],
        _ => 0xff - ORDER_8[index],
    });
    let middle = |byte| point[1..31].iter().all(|&other| other == byte);
    let is_small = middle(0) && point[31] == 0 && point[0] <= 1;
    let is_large = middle(0xff) && point[31] == 0x7f && (0xec..=0xee).contains(&point[0]);
    is_small || is_large || point == ORDER_8 || point == negative
}

/// The content of a DER value with this tag, and the rest after it.
fn der(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = match *first {
        length @ ..=0x7F => (length.into(), rest),
        // One or two further bytes hold the length; no key needs more.
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), &rest[2..]),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    /// Public keys (`SubjectPublicKeyInfo`) and signatures of `header.claims`, made by OpenSSL.
    const SIGNED: [(Algorithm, &str, &str); 5] = [
        (
            RS512,
            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0to8JksAe43fLq37Azo1Ad_KGj2I9QzcAy4e5W12S8AoipyuOIh8\
             JQaZrwwc8o38pVi_wwndbaZA82syMzYi9dMrity5a7j6MZlknqV3-swP6RaMos_71ukPONjnx6ezUaO0PMZEBiY0Ghe4CpJC\
             -8mNhchxAw4ZovPI9grUIS-45g8ux11JexKqq2tZP6-T04qYB72jaZ-8BBo0Cc75WgvLLng2Za3turAFzXIUWCKrqDujwRWQ\
             fbGGOOl2108uqpA_EW1XtZ0KPfy0LIWbXjEq4ZnVVSOKnJbqNT4M_Ih-K-seBjVwDrJ57CGxBTQ7cbtFZHqUzOaRqQP5py6U\
             IQIDAQAB",
            "oYOYyjrXUAZNquniR1Id3r2dlnGgAnIlhoX3kfg0qktydeaV8h02A1yHXZtc8zoF7IXTB90r6WgLGYgC-Sw5ema6Su4JONUp\
             8r0Us2KCdj0tXHndVLilp47hzfkf-S3FLLisYwwv9ZahQ3jNv4dDjgqJ3IEcd-SvCK6FQEG4T6pFp7Vw62Kbq-oUjqJKFskl\
             i0CaSOXgZR-uvzL8w4ktqfiTpFr43mS6uUzb4gNQTZBlZ53tW9HwxGqsmpyC2tklS30BjfNrawEcuciEaFOkf8rpYqjP2How\
             SCem_vJwcWSSVLZKRJflRxJJI41BjK3CcbSOBs2er7KsQ-OCsnlR_A",
        ),
        (
            PS256,
            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0to8JksAe43fLq37Azo1Ad_KGj2I9QzcAy4e5W12S8AoipyuOIh8\
             JQaZrwwc8o38pVi_wwndbaZA82syMzYi9dMrity5a7j6MZlknqV3-swP6RaMos_71ukPONjnx6ezUaO0PMZEBiY0Ghe4CpJC\
             -8mNhchxAw4ZovPI9grUIS-45g8ux11JexKqq2tZP6-T04qYB72jaZ-8BBo0Cc75WgvLLng2Za3turAFzXIUWCKrqDujwRWQ\
             fbGGOOl2108uqpA_EW1XtZ0KPfy0LIWbXjEq4ZnVVSOKnJbqNT4M_Ih-K-seBjVwDrJ57CGxBTQ7cbtFZHqUzOaRqQP5py6U\
             IQIDAQAB",
            "WBOxVxBSFNeSv53YLEgW08QzyfHUE5DEy7k01haIiZ3BIn1pPH30UMpuIuEnB-p2L7hsuBskVC5wqU5SZzA9sTGvOvIm6NEf\
             sEtELs-VFfYS8Tj8h9LSgnpHiuQlwtMylGvO4n_xNACPqBRaFMs97IkarIwCnXrxEywMHiw3hyP9m3zn8-x0I7FYlK5pTkxm\
             _ra7xTP6viMxfbimeDrrFJFFnSxXCKcGIBml5zpvHfiA6TgeD6YMZYabvfGd0Hwvo0lGga2P3TRFdhmZ0zGS_wYhRGV6Fd4B\
             OXoi6euAOUomo3UFY2h2JxAKND2eH74wI6qd9UrV8iU9bnV0xgzZVQ",
        ),
        (
            ES256,
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEe3kciGI_hhL6PcV0giRaz4b4Cit5ycHs3AayEb3kKmjVdeaC0moGUIzEqkG0\
             r1UXXS2QE2SFMMFaAj88O7s4iQ",
            "HkTyAA8_8yATEjSZscdv22ruXpIko1Vc13pX_-gZhZe_-VSObyL19LT6lO1ff3Ur73yaOkO8xkumy18bmctX4Q",
        ),
        (
            ES384,
            "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEnTqvwLN3RrWZRUgVFPQu4nzasEPi0KTg9trCpKM0eDV4DG3BlFHG9vEpxYTr1TeW\
             gDG5-m0FjAkPB5pvSW_p21Bnd-N4UgN-AdaArw2beBAyTgA1f5xvaai3eUu7BKR-",
            "BgvPTvBri8M6bs9sTSiK8XOLYEDSMnC48ZL1c5BMYNFbC1A-qk0_rooaV9AW5dnH4UiuCVHPlcQ0etD61DvjNdGpB_z22aow\
             _Z-76ajkIwl1eJoX0Groo7mSixv0Bs16",
        ),
        (
            EdDSA,
            "MCowBQYDK2VwAyEA-HzjEs67Vi5ZUtX1FuAnzxwaA-Z11v6Lu5ZJQHys1o0",
            "u5R6bidaG_DwlJR5TdfMuFxZhrhV7yvlJpb7WzcEbRkQbm8eW4IOYmzMG6f1QVLwkaAqUdgKJhgr-6_PyaUhCA",
        ),
    ];

    fn decode(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).expect("base64url")
    }

    #[test]
    fn a_key_that_anybody_can_sign_for_is_refused() {
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let key = VerifyingKey::Ed25519(neutral.to_vec());
        // The neutral point for the commitment, and zero for the proof.
        let forged = [neutral, [0; 32]].concat();
        assert!(
            key.verifies(EdDSA, b"anything", &forged),
            "the library accepts it"
        );
        assert!(key.checked().is_none());
        let large = |first: u8| {
            let mut point = [0xff; 32];
            (point[0], point[31]) = (first, 0x7f);
            point
        };
        let order_8 = decode("JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU");
        let negative = decode("xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o");
        for mut point in [[0; 32], neutral, large(0xec), large(0xed), large(0xee)]
            .map(Vec::from)
            .into_iter()
            .chain([order_8, negative])
        {
            for sign in [0, 0x80] {
                point[31] ^= sign;
                assert!(
                    VerifyingKey::Ed25519(point.clone()).checked().is_none(),
                    "{point:x?}"
                );
            }
        }
        assert!(VerifyingKey::Ed25519(vec![2; 31]).checked().is_none());
        assert!(VerifyingKey::P256(vec![4; 64]).checked().is_none());
        assert!(
            VerifyingKey::from_rsa(&[0xff; 128], &[1, 0, 1])
                .checked()
                .is_none()
        );
    }

    #[test]
    fn signatures_by_openssl_are_accepted() {
        for (algorithm, info, signature) in SIGNED {
            let key = from_public_key_info(&decode(info)).expect("a key");
            let mut signature = decode(signature);
            assert!(
                key.verifies(algorithm, b"header.claims", &signature),
                "{algorithm:?}"
            );
            assert!(
                !key.verifies(algorithm, b"header.claim", &signature),
                "{algorithm:?}"
            );
            signature[7] ^= 1;
            assert!(
                !key.verifies(algorithm, b"header.claims", &signature),
                "{algorithm:?}"
            );
        }
        let secret = VerifyingKey::from_secret(&[b'k'; 32]);
        let signature = decode("_XHlQjPgS8wbp-fRZEnREg_N-IKYeTwUwzNvQQntpSc");
        assert!(secret.verifies(HS256, b"header.claims", &signature));
    }

    #[test]
    fn a_key_is_used_only_with_algorithms_of_its_kind() {
        for (own, info, signature) in SIGNED {
            let key = from_public_key_info(&decode(info)).expect("a key");
            for (other, _, _) in SIGNED.iter().filter(|(other, ..)| *other != own) {
                assert!(
                    !key.verifies(*other, b"header.claims", &decode(signature)),
                    "{own:?} {other:?}"
                );
            }
            assert!(!key.verifies(HS256, b"header.claims", &decode(signature)));
        }
    }

    #[test]
    fn a_damaged_public_key_is_refused() {
        for (_, info, _) in SIGNED {
            let info = decode(info);
            for length in 0..info.len() {
                assert!(from_public_key_info(&info[..length]).is_none(), "{length}");
            }
            assert!(from_public_key_info(&[&info[..], &[0]].concat()).is_none());
        }
    }
}
