"""The openssl program and libcrypto: vectors of the standards, and random input of every length.

Arguments: SEED ROUNDS. Lines: "KNOWN name ok", or "KNOWN name WRONG what" and exit code 1, for what a standard says the result is;
"RANDOM name sum" for a checksum over the results of random input, which are the same elsewhere. Which of its ways to compute libcrypto takes
is chosen by OPENSSL_ia32cap.
"""
import ctypes
import math
import os
import random
import subprocess
import sys
import tempfile
import zlib

wrong = False
scratch = tempfile.mkdtemp()


def known(name, got, want):
    global wrong
    if got == want:
        print("KNOWN", name, "ok")
    else:
        wrong = True
        print("KNOWN", name, "WRONG", got, "instead of", want)
    sys.stdout.flush()


def openssl(words, data=b""):
    """Runs the program. Returns what it printed, or what it complained about."""
    r = subprocess.run(["openssl"] + words.split(), input=data, capture_output=True)
    return r.stdout if r.returncode == 0 else b"exit " + str(r.returncode).encode() + b": " + r.stderr


def file(name, data):
    path = os.path.join(scratch, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


# FIPS 180-4, FIPS 202, RFC 1321, RFC 7693, GB/T 32905: the digest of "abc", and of a million times "a".
ABC = {
    "md5": "900150983cd24fb0d6963f7d28e17f72",
    "sha1": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "sha224": "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "sha384": "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    "sha512": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
              "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    "sha3-256": "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
    "blake2b512": "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
                  "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
    "blake2s256": "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982",
    "sm3": "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
}
MILLION = {
    "sha1": "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
    "sha256": "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    "sha512": "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
              "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b",
}

# SP 800-38A, appendix F.
BLOCKS = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
                       "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
KEY128 = "2b7e151628aed2a6abf7158809cf4f3c"
KEY256 = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
IV = "000102030405060708090a0b0c0d0e0f"
COUNTER = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
AES = [
    ("aes-128-ecb", KEY128, None, "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
                                  "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4"),
    ("aes-128-cbc", KEY128, IV, "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
                                "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"),
    ("aes-128-cfb", KEY128, IV, "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"
                                "26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6"),
    ("aes-128-ofb", KEY128, IV, "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825"
                                "9740051e9c5fecf64344f7a82260edcc304c6528f659c77866a510d9c1d6ae5e"),
    ("aes-128-ctr", KEY128, COUNTER, "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
                                     "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"),
    ("aes-256-ecb", KEY256, None, "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870"
                                  "b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7"),
    ("aes-256-cbc", KEY256, IV, "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
                                "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"),
    ("aes-256-ctr", KEY256, COUNTER, "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
                                     "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"),
]


def digests():
    for name, want in ABC.items():
        known(name, openssl("dgst -r -" + name, b"abc").split()[0].decode(), want)
    for name, want in MILLION.items():
        known(name + " million", openssl("dgst -r -" + name, b"a" * 1000000).split()[0].decode(), want)


def ciphers():
    for name, key, iv, want in AES:
        words = "enc -nopad -%s -K %s" % (name, key) + (" -iv " + iv if iv else "")
        known(name, openssl(words, BLOCKS).hex(), want)
        known(name + " back", openssl(words + " -d", bytes.fromhex(want)).hex(), BLOCKS.hex())
    # RFC 8439 2.4.2.
    text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
    known("chacha20", openssl("enc -chacha20 -K %s -iv 01000000000000000000004a00000000" % bytes(range(32)).hex(), text).hex(),
          "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b357"
          "1639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736"
          "5af90bbf74a35be6b40b8eedf2785e42874d")


def macs_and_keys():
    # RFC 4231 cases 1 and 2, RFC 2202, RFC 4493, RFC 8439 2.5.2.
    for name, options, data, want in [
            ("hmac-sha256", "-digest SHA256 -macopt hexkey:%s HMAC" % ("0b" * 20), b"Hi There",
             "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            ("hmac-sha512", "-digest SHA512 -macopt hexkey:%s HMAC" % ("0b" * 20), b"Hi There",
             "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"),
            ("hmac-sha1", "-digest SHA1 -macopt key:Jefe HMAC", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            ("cmac", "-cipher AES-128-CBC -macopt hexkey:%s CMAC" % KEY128, BLOCKS[:16], "070a16b46b4d4144f79bdd9dd04a287c"),
            ("poly1305", "-macopt hexkey:85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b Poly1305",
             b"Cryptographic Forum Research Group", "a8061dc1305136c6c22b8baf0c0127a9")]:
        known(name, openssl("mac -in " + file("data", data) + " " + options).decode().strip().lower(), want)
    # RFC 5869 A.1, RFC 6070, RFC 7914.
    for name, options, want in [
            ("hkdf", "-keylen 42 -kdfopt digest:SHA256 -kdfopt hexkey:%s -kdfopt hexsalt:%s -kdfopt hexinfo:%s HKDF"
             % ("0b" * 22, bytes(range(13)).hex(), bytes(range(0xF0, 0xFA)).hex()),
             "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
            ("pbkdf2", "-keylen 20 -kdfopt digest:SHA1 -kdfopt pass:password -kdfopt salt:salt -kdfopt iter:4096 PBKDF2",
             "4b007901b765489abead49d926f721d065a429c1"),
            ("scrypt", "-keylen 64 -kdfopt pass:password -kdfopt salt:NaCl -kdfopt n:1024 -kdfopt r:8 -kdfopt p:16 SCRYPT",
             "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640")]:
        known(name, openssl("kdf " + options).decode().strip().replace(":", "").lower(), want)


def der(tag, body):
    size = len(body)
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")) + body


def integer(n):
    return der(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def rsa():
    # Two primes that can be said in a line. What comes out is checked with Python's own arithmetic.
    p, q, e = 2**1024 - 105, math.isqrt(3 << 2046) + 537, 65537
    n, d = p * q, pow(e, -1, (p - 1) * (q - 1))
    key = file("rsa", der(0x30, b"".join(map(integer, [0, n, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]))))
    digest = bytes.fromhex(ABC["sha256"])
    info = bytes.fromhex("3031300d060960864801650304020105000420") + digest
    padded = b"\0\1" + b"\xff" * (256 - 3 - len(info)) + b"\0" + info
    signature = openssl("pkeyutl -sign -keyform DER -inkey %s -in %s -pkeyopt digest:sha256" % (key, file("digest", digest)))
    known("rsa sign", signature.hex(), pow(int.from_bytes(padded, "big"), d, n).to_bytes(256, "big").hex())
    public = file("rsa.public", openssl("rsa -inform DER -in %s -pubout" % key))
    for padding in "pkcs1", "oaep":
        secret = openssl("pkeyutl -encrypt -pubin -inkey %s -pkeyopt rsa_padding_mode:%s" % (public, padding), b"a secret")
        known("rsa " + padding, openssl("pkeyutl -decrypt -keyform DER -inkey %s -in %s -pkeyopt rsa_padding_mode:%s"
                                        % (key, file("secret", secret), padding)), b"a secret")
    pss = "-pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pss -in " + file("digest", digest)
    signature = openssl("pkeyutl -sign -keyform DER -inkey %s %s" % (key, pss))
    known("rsa pss", openssl("pkeyutl -verify -pubin -inkey %s -sigfile %s %s" % (public, file("signature", signature), pss)),
          b"Signature Verified Successfully\n")


def curves():
    # RFC 8032 7.1, test 2.
    key = file("ed25519", bytes.fromhex("302e020100300506032b6570042204204ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    known("ed25519", openssl("pkeyutl -sign -rawin -keyform DER -inkey %s -in %s" % (key, file("message", b"\x72"))).hex(),
          "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
    # RFC 7748 6.1.
    key = file("x25519", bytes.fromhex("302e020100300506032b656e0422042077076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
    peer = file("peer", bytes.fromhex("302a300506032b656e032100de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"))
    known("x25519", openssl("pkeyutl -derive -keyform DER -inkey %s -peerform DER -peerkey %s" % (key, peer)).hex(),
          "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    # RFC 6979 A.2.5: the message "sample".
    point = ("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299")
    public = file("p256", bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004" + point))
    signature = file("signature", der(0x30, integer(0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716)
                                      + integer(0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8)))
    known("ecdsa", openssl("pkeyutl -verify -rawin -digest sha256 -pubin -keyform DER -inkey %s -sigfile %s -in %s"
                           % (public, signature, file("message", b"sample"))), b"Signature Verified Successfully\n")
    # Signatures and keys that are others each time: whether they fit each other.
    for curve in "prime256v1", "secp384r1", "secp521r1", "secp256k1", "brainpoolP256r1":
        key = file("ec", openssl("ecparam -genkey -noout -name " + curve))
        public = file("ec.public", openssl("pkey -pubout -in " + key))
        signature = file("signature", openssl("dgst -sha256 -sign " + key, b"sample"))
        known("ecdsa " + curve, openssl("dgst -sha256 -verify %s -signature %s" % (public, signature), b"sample"), b"Verified OK\n")
        known("ecdsa %s other" % curve, openssl("dgst -sha256 -verify %s -signature %s" % (public, signature), b"simple")[:6], b"exit 1")


class Library:
    """EVP of libcrypto: what the program does not offer, and without a process for each."""

    def __init__(self):
        self.c = ctypes.CDLL("libcrypto.so.3")
        for f in "EVP_CIPHER_fetch", "EVP_CIPHER_CTX_new", "EVP_MD_fetch", "EVP_MD_CTX_new":
            getattr(self.c, f).restype = ctypes.c_void_p

    def cipher(self, name):
        cipher = self.c.EVP_CIPHER_fetch(None, name.encode(), None)
        assert cipher, name
        return ctypes.c_void_p(cipher)

    def crypt(self, cipher, encrypt, key, iv, aad, parts, tag):
        """Returns the text and the tag, or None for a text that was tampered with."""
        c = self.c
        context = ctypes.c_void_p(c.EVP_CIPHER_CTX_new())
        out, done, size = ctypes.create_string_buffer(sum(map(len, parts)) + 64), 0, ctypes.c_int()
        assert c.EVP_CipherInit_ex(context, cipher, None, None, None, encrypt) == 1
        if tag is not None:
            c.EVP_CIPHER_CTX_ctrl(context, 0x9, len(iv), None)
        assert c.EVP_CipherInit_ex(context, None, None, key, iv, encrypt) == 1
        c.EVP_CIPHER_CTX_set_padding(context, 0)
        if aad:
            assert c.EVP_CipherUpdate(context, None, ctypes.byref(size), aad, len(aad)) == 1
        for part in parts:
            assert c.EVP_CipherUpdate(context, ctypes.byref(out, done), ctypes.byref(size), part, len(part)) == 1
            done += size.value
        if tag is not None and not encrypt:
            c.EVP_CIPHER_CTX_ctrl(context, 0x11, 16, tag)
        good = c.EVP_CipherFinal_ex(context, ctypes.byref(out, done), ctypes.byref(size)) == 1
        done += size.value
        said = ctypes.create_string_buffer(16)
        if tag is not None and encrypt:
            c.EVP_CIPHER_CTX_ctrl(context, 0x10, 16, said)
        c.EVP_CIPHER_CTX_free(context)
        return (out.raw[:done], said.raw) if good else None

    def digest(self, name, parts):
        c = self.c
        context, out, size = ctypes.c_void_p(c.EVP_MD_CTX_new()), ctypes.create_string_buffer(64), ctypes.c_uint()
        md = ctypes.c_void_p(c.EVP_MD_fetch(None, name.encode(), None))
        assert c.EVP_DigestInit_ex(context, md, None) == 1
        for part in parts:
            assert c.EVP_DigestUpdate(context, part, ctypes.c_size_t(len(part))) == 1
        assert c.EVP_DigestFinal_ex(context, out, ctypes.byref(size)) == 1
        c.EVP_MD_CTX_free(context)
        c.EVP_MD_free(md)
        return out.raw[:size.value]


def authenticated(library):
    # The GCM specification's test cases 4 and 16 (SP 800-38D refers to it), RFC 8439 2.8.2.
    text = bytes.fromhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                         "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
    gcm = "feffe9928665731c6d6a8f9467308308"
    sunscreen = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
    for name, key, iv, aad, plain, want in [
            ("AES-128-GCM", gcm, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", text,
             "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
             "5bc94fbc3221a5db94fae95ae7121a47"),
            ("AES-256-GCM", gcm * 2, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", text,
             "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
             "76fc6ece0f4e1768cddf8853bb2d551b"),
            ("ChaCha20-Poly1305", bytes(range(0x80, 0xA0)).hex(), "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7", sunscreen,
             "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
             "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691")]:
        cipher, key, iv, aad = library.cipher(name), bytes.fromhex(key), bytes.fromhex(iv), bytes.fromhex(aad)
        sealed, tag = library.crypt(cipher, 1, key, iv, aad, [plain], b"")
        known(name, (sealed + tag).hex(), want)
        known(name + " back", library.crypt(cipher, 0, key, iv, aad, [sealed], tag)[0], plain)
        spoilt = bytes([sealed[0] ^ 1]) + sealed[1:]
        known(name + " spoilt", library.crypt(cipher, 0, key, iv, aad, [spoilt], tag), None)


# Name, key, IV, whether it has a tag, and the unit of its length.
CIPHERS = [
    ("AES-128-GCM", 16, 12, True, 1), ("AES-192-GCM", 24, 12, True, 1), ("AES-256-GCM", 32, 12, True, 1), ("AES-256-GCM", 32, 16, True, 1),
    ("AES-128-OCB", 16, 12, True, 1), ("AES-256-OCB", 32, 12, True, 1), ("ChaCha20-Poly1305", 32, 12, True, 1), ("ChaCha20", 32, 16, False, 1),
    ("AES-128-CBC", 16, 16, False, 16), ("AES-256-CBC", 32, 16, False, 16), ("AES-192-ECB", 24, 0, False, 16), ("AES-256-CTR", 32, 16, False, 1),
    ("AES-128-CFB", 16, 16, False, 1), ("AES-256-OFB", 32, 16, False, 1), ("AES-256-CFB8", 32, 16, False, 1), ("AES-128-XTS", 32, 16, False, 16),
    ("AES-256-XTS", 64, 16, False, 16), ("CAMELLIA-256-CBC", 32, 16, False, 16), ("CAMELLIA-128-CTR", 16, 16, False, 1),
    ("ARIA-128-GCM", 16, 12, True, 1), ("DES-EDE3-CBC", 24, 8, False, 8), ("SM4-CTR", 16, 16, False, 1),
]


def lengths(draw, unit):
    return draw.choice([draw.randrange(0, 4), draw.randrange(0, 70), draw.randrange(0, 400), draw.randrange(0, 5000)]) * unit // max(1, unit // 2)


def cut(draw, data, unit):
    parts, at = [], 0
    while at < len(data):
        to = len(data) if draw.random() < 0.4 else min(len(data), at + unit * draw.randrange(1, 600))
        parts.append(data[at:to])
        at = to
    return parts or [b""]


def random_input(library, seed, rounds):
    global wrong
    for name, key_size, iv_size, has_tag, unit in CIPHERS:
        draw, total, cipher = random.Random("%s %s" % (seed, name)), 0, library.cipher(name)
        # XTS takes a message at once.
        at_once = 1 << 20 if name.endswith("XTS") else unit
        for _ in range(rounds):
            key, iv, aad = draw.randbytes(key_size), draw.randbytes(iv_size), draw.randbytes(draw.randrange(0, 90)) if has_tag else b""
            size = lengths(draw, unit) // unit * unit
            plain = draw.randbytes(size + 16 if at_once != unit else size)
            sealed, tag = library.crypt(cipher, 1, key, iv, aad, cut(draw, plain, at_once), b"" if has_tag else None)
            back = library.crypt(cipher, 0, key, iv, aad, cut(draw, sealed, at_once), tag if has_tag else None)
            if back is None or back[0] != plain:
                wrong = True
                print("KNOWN", name, "WRONG does not come back", size)
            total = zlib.crc32(sealed + tag, total)
        print("RANDOM %s %d %08x" % (name, iv_size, total))
        sys.stdout.flush()
    for name in ["MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA512-256", "SHA3-224", "SHA3-256", "SHA3-512", "SHAKE128", "BLAKE2B-512",
                 "BLAKE2S-256", "SM3", "RIPEMD160"]:
        draw, total = random.Random("%s %s" % (seed, name)), 0
        for _ in range(rounds):
            total = zlib.crc32(library.digest(name, cut(draw, draw.randbytes(lengths(draw, 1)), 1)), total)
        print("RANDOM %s %08x" % (name, total))
        sys.stdout.flush()


def main():
    print("VERSION", openssl("version -v").decode().strip())
    digests()
    ciphers()
    macs_and_keys()
    rsa()
    curves()
    library = Library()
    authenticated(library)
    random_input(library, sys.argv[1], int(sys.argv[2]))
    print("LIBCRYPTO end")
    sys.exit(1 if wrong else 0)


main()
