// Package emulator is Alibaba Cloud's Log Service, STS and RAM on one port of this machine: for tests, for demonstrations,
// and for other people's programs.
//
// It promises to judge as the service does. Signatures (Log Service V1 and V4, RPC 1.0, ACS3) are verified with code of its
// own, tokens expire, every call passes RAM (trust, identity and session policies), limits hold, and a refusal has the
// service's status, code and text; Stats and the log tell the reason behind it as well. The official Go SDK's client,
// producer and consumer library work against it unmodified, and so does services/sts of alibaba-cloud-sdk-go.
//
// It is imported by cmd/shipper and by tests.
//
// It does not do: SQL, indexes with an effect, project policies, resource groups, web tracking, machine groups, persistence.
// Log times, quotas and clocks are checked as documented; where documentation is silent the choice is written at the check.
//
// # Reaching it
//
// The project is named by the header x-log-project or by the first label of the host: PROJECT.cn-hangzhou.log.aliyuncs.com,
// PROJECT.localhost, PROJECT.127.0.0.1. A request to sts.* or with Action=… for the root path goes to STS. A program that
// knows nothing of it is sent here by HTTP_PROXY=http://127.0.0.1:PORT with an http:// endpoint, because requests with a
// whole URL are understood; or by a Transport whose DialContext always dials here. TLSConfig and CA serve https.
//
// # Control API
//
// Below /_emulator/, from this machine only, JSON in and out; 204 means done, 400 says what is wrong.
//
//	GET    stats                                    Stats: requests by result, tokens, denials with reasons
//	GET    world                                    World as it is now, keys included
//	PUT    world                                    replace everything; stored logs and sessions are gone
//	PUT    accounts/UID                             Account (added or replaced)
//	PUT    accounts/UID/roles/NAME                  Role (added or replaced)
//	DELETE accounts/UID/roles/NAME                  its sessions end
//	PUT    accounts/UID/roles/NAME/policies         one document or a list; acts on living sessions at once
//	PUT    accounts/UID/roles/NAME/trust            one document
//	PUT    accounts/UID/users/NAME/policies         one document or a list
//	PUT    projects/P                               Project (added or changed)           DELETE removes it
//	PUT    projects/P/logstores/L                   Logstore (added or changed)          DELETE removes it
//	GET    logs[/P[/L]][?by=group]                  stored logs (or groups), one JSON object a line
//	DELETE logs/P/L                                 forget them, and the sequence ids
//	GET    faults                                   list of Fault
//	POST   faults                                   Fault: {"op":"post","kind":"cut_after","count":3,"probability":0.5,"for":"10s","delay":"1s"}
//	DELETE faults                                   remove all
//	PUT    token_life                               "5s": every new session lives so long; "0s" = as asked for
//	POST   tokens/expire                            every session ends now; {"expired":N}
//	GET    ca                                       certificate of the authority, PEM
package emulator
