// Command provision-devid does once what a manufacturer and an owner do to a machine: it gives the TPM an endorsement
// certificate, creates a DevID key inside the TPM, and has a certificate issued for it. The authorities are made for this
// and forgotten; what is left is in the folder that it is told.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-tpm-tools/client"
	"github.com/google/go-tpm/legacy/tpm2"
	"github.com/spiffe/spire/pkg/agent/plugin/nodeattestor/tpmdevid/tpmutil"
)

func main() {
	device := flag.String("tpm", "", "the TPM: a device, or the Unix socket of a software TPM")
	folder := flag.String("out", "", "an existing folder for certificates and key blobs")
	flag.Parse()
	if err := provision(*device, *folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func provision(device, folder string) error {
	tpm, err := tpm2.OpenTPM(device)
	if err != nil {
		return fmt.Errorf("opening the TPM: %w", err)
	}
	manufacturer, err := newAuthority("manufacturer")
	if err != nil {
		return err
	}
	if err := endorse(tpm, manufacturer); err != nil {
		return fmt.Errorf("endorsing the TPM: %w", err)
	}
	owner, err := newAuthority("owner")
	if err != nil {
		return err
	}
	private, public, err := createDevID(tpm)
	if err != nil {
		return fmt.Errorf("creating the DevID key: %w", err)
	}
	key, err := keyOf(public)
	if err != nil {
		return err
	}
	certificate, err := owner.issue("devid", key)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"devid.priv.blob":    private,
		"devid.pub.blob":     public,
		"devid.crt.pem":      pemOf(certificate),
		"devid-ca.pem":       pemOf(owner.certificate.Raw),
		"endorsement-ca.pem": pemOf(manufacturer.certificate.Raw),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// endorse puts a certificate for the endorsement key where TPMs have it.
func endorse(tpm io.ReadWriter, manufacturer *authority) error {
	handle, public, _, _, _, _, err := tpm2.CreatePrimaryEx(tpm, tpm2.HandleEndorsement, tpm2.PCRSelection{}, "", "",
		client.DefaultEKTemplateRSA())
	if err != nil {
		return err
	}
	if err := tpm2.FlushContext(tpm, handle); err != nil {
		return err
	}
	key, err := keyOf(public)
	if err != nil {
		return err
	}
	certificate, err := manufacturer.issue("tpm", key)
	if err != nil {
		return err
	}
	attributes := tpm2.AttrPlatformCreate | tpm2.AttrPPWrite | tpm2.AttrPPRead | tpm2.AttrAuthRead | tpm2.AttrNoDA
	index := tpmutil.EKCertificateHandleRSA
	if err := tpm2.NVDefineSpace(tpm, tpm2.HandlePlatform, index, "", "", nil, attributes,
		uint16(len(certificate))); err != nil {
		return err
	}
	// In pieces: a TPM takes only so much at once.
	const piece = 512
	for at := 0; at < len(certificate); at += piece {
		part := certificate[at:min(at+piece, len(certificate))]
		if err := tpm2.NVWrite(tpm, tpm2.HandlePlatform, index, "", part, uint16(at)); err != nil {
			return err
		}
	}
	return nil
}

// createDevID creates a signing key that never leaves the TPM. Its private blob is of use to this TPM only.
func createDevID(tpm io.ReadWriter) (private, public []byte, err error) {
	parent, _, _, _, _, _, err := tpm2.CreatePrimaryEx(tpm, tpm2.HandleOwner, tpm2.PCRSelection{}, "", "",
		tpmutil.SRKTemplateHighECC())
	if err != nil {
		return nil, nil, err
	}
	private, public, _, _, _, err = tpm2.CreateKey(tpm, parent, tpm2.PCRSelection{}, "", "", tpm2.Public{
		Type:    tpm2.AlgECC,
		NameAlg: tpm2.AlgSHA256,
		Attributes: tpm2.FlagSign | tpm2.FlagFixedTPM | tpm2.FlagFixedParent | tpm2.FlagSensitiveDataOrigin |
			tpm2.FlagUserWithAuth,
		ECCParameters: &tpm2.ECCParams{
			Sign:    &tpm2.SigScheme{Alg: tpm2.AlgECDSA, Hash: tpm2.AlgSHA256},
			CurveID: tpm2.CurveNISTP256,
		},
	})
	if err != nil {
		return nil, nil, err
	}
	return private, public, tpm2.FlushContext(tpm, parent)
}

func keyOf(blob []byte) (crypto.PublicKey, error) {
	public, err := tpm2.DecodePublic(blob)
	if err != nil {
		return nil, err
	}
	return public.Key()
}

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := templateOf(name)
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{certificate, key}, err
}

func (a *authority) issue(name string, key crypto.PublicKey) ([]byte, error) {
	template := templateOf(name)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	return x509.CreateCertificate(rand.Reader, template, a.certificate, key, a.key)
}

func templateOf(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
}

func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
