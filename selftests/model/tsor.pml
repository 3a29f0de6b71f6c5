/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TSoR's connection protocol: one connection, two ends, 0 = client, 1 = server.
 *
 * The stream of end i is its bytes 0..K-1 (K0, K1) and unit K, the FIN, so
 * NU = K + 1 units.
 *
 * Without -D flags these are the rules as they are. -DOLD_x puts an earlier
 * form of a rule in its place, which failed; -DSEED_x puts in a deliberate
 * error. See README.rst.
 */
#ifndef K0
#define K0 2
#endif
#ifndef K1
#define K1 2
#endif
#ifndef MODE
#define MODE 0		/* 0 free, 1 client-first, 2 server-first */
#endif
#ifndef DEATHS
#define DEATHS 1	/* times that the link may die */
#endif
#ifndef REUPS
#define REUPS 1		/* times that it may come back */
#endif
#ifndef LK0
#define LK0 1		/* link up at the client at start */
#endif
#ifndef LK1
#define LK1 1		/* the same at the server */
#endif
#ifndef HS
#define HS 0		/* 1: model the handshake; 0: both confirmed at start */
#endif
#ifndef STRIP_CONF
#define STRIP_CONF 0	/* 1: the confirm may be stripped on its way */
#endif
#ifndef STRIP_ACC
#define STRIP_ACC 0	/* 1: the accept may be stripped on its way */
#endif
#ifndef SPLAIN
#define SPLAIN 0	/* 1: server is stock although the SYN-ACK carried the option (e.g. unadopted meanwhile) */
#endif
#ifndef NPROBE
#define NPROBE 2	/* probes answered without accept that make the client give up */
#endif
#ifndef PARKTO
#define PARKTO 0	/* 1: parked link data may be given up (REFUSE) before the child is born */
#endif
#ifndef DETACH0
#define DETACH0 0	/* 1: the client may detach */
#endif
#ifndef DETACH1
#define DETACH1 0	/* 1: the server may detach */
#endif
#ifndef NOREQ
#define NOREQ 0		/* 1: the request socket (child not born) does not answer probes */
#endif
#ifndef PARKDROP
#define PARKDROP 0	/* 1: parking is bounded: parked link data may be dropped silently */
#endif
#ifndef RELINK
#define RELINK 0	/* 1: a new link may carry messages to an end not yet told that the old one died */
#endif
#ifndef FREC_ALWAYS
#define FREC_ALWAYS 0	/* 1: a last record goes before every TCP FIN, needed or not */
#endif
#ifndef ABORT0
#define ABORT0 0	/* 1: the client's program may reset the connection */
#endif
#ifndef ABORT1
#define ABORT1 0	/* 1: the server's program may */
#endif
#ifndef CLOSE0
#define CLOSE0 0	/* 1: the client's program may close both ways before it has read everything */
#endif
#ifndef CLOSE1
#define CLOSE1 0	/* 1: the server's program may */
#endif
#ifndef PURGE
#define PURGE 0		/* 1: a reset may cost what is still queued on TCP before it */
#endif
#ifndef FORGET
#define FORGET 0	/* 1: a complete end has forgotten its token: link messages are answered REFUSE */
#endif
#ifndef COMPL
#define COMPL 0		/* 1: a work request completes some time after its message was sent */
#endif
#ifndef SIMOPEN
#define SIMOPEN 0	/* 1: simultaneous open */
#endif
#ifndef MAXEP
#define MAXEP 5		/* more epochs than any run needs */
#endif
#ifndef QT
#define QT 14		/* room of TCP, each way: more than any run needs */
#endif
#ifndef QL
#define QL 8		/* room of the link, each way */
#endif

#define KK(i) ((i)==0 -> K0 : K1)
#define NU(i) ((i)==0 -> K0+1 : K1+1)

/* TCP items */
#define RAW	1
#define DATA	2
#define PROM	3
#define FALL	4
#define DET	5
#define TFIN	6
#define TRST	7
#define FREC	8	/* last record before TCP FIN: received count */
#define WREC	9	/* window record */
/* link messages */
#define LDATA	1
#define LACK	2
#define REFU	3
#define LRST	4	/* reset, at a stream offset */
#define UNKNOWN	99	/* ... at none: answer to an unknown token (a seeded error) */

chan tcp[2] = [QT] of { byte, byte, byte };
chan lnk[2] = [QL] of { byte, byte, byte, byte };

/* what an end is */
#define NONE 0		/* server: its child is not born yet */
#define UND  1		/* client: adopted, server not heard yet (undecided) */
#define CH   2		/* channel: the other end is known to be one */
#define PLAIN 3		/* plain TCP for good */
#define DEAD 4		/* reset, by its own program or by the other end */
byte role[2];
/* format of the TCP bytes out and in: 0 nothing yet, 1 records, 2 raw */
byte ofm[2], ifm[2];
/* carrier of the outbound direction */
#define TCPC 0
#define LINKC 1
#define WAITC 2		/* left the link, waits for the other end's FALLBACK */
byte oc[2];
byte ep[2];		/* epoch */
byte snt[2];		/* next unit to send */
byte una[2];		/* first unit not acknowledged; what is before it is freed */
byte tsn[2];		/* end of what this end has itself put on TCP */
byte rcv[2];		/* next unit to receive */
byte ackd[2];		/* last ack sent on the link */
bit inl[2];		/* inbound direction is on the link */
bit brk[2];		/* must fall back */
bit fbw[2];		/* FALLBACK sent, the other's awaited */
bit lk[2];		/* this end knows the link as up */
bit hold[2];		/* head of the link's queue is out of order, held */
bit tfs[2], tfr[2];	/* TCP FIN sent, received */
bit wd[2], wdone[2];	/* detach wanted, detach once asked for */
bit gone[2];		/* complete and closed: drains TCP until the other's FIN */
bit rsts[2];		/* TCP RST sent */
bit rstr[2];		/* TCP RST received */
bit abt[2];		/* this end reset the connection */
bit err[2];		/* its program was told of a reset by the other end */
bit abw[2];		/* reset went by the link; TCP RST follows when that is answered or the link dies */
bit cl[2];		/* its program has closed both ways */
bit lost[2];		/* bytes came that its program has not read and never will */
#if ABORT0 || ABORT1 || CLOSE0 || CLOSE1
bit fins[2];		/* has ever sent its FIN */
#define FINS(i) (fins[i])
#define FINSENT(i) if :: snt[i]==NU(i) -> fins[i]=1 :: else fi
#else
#define FINS(i) true
#define FINSENT(i) skip
#endif
#if COMPL
byte wr[8];		/* [4 * end + unit]: work requests outstanding that read the unit's memory */
byte fre[2];		/* next unit whose memory is to be freed */
#define FREETO(i) (role[i]==DEAD -> NU(i) : una[i])
#define WRS(i) wr[4*i+fre[i]]
#define POSTED(i) assert(snt[i]>=fre[i]); wr[4*i+snt[i]]=wr[4*i+snt[i]]+1
#define KEPT(i) assert(snt[i]>=fre[i])
#if defined(SEED_FREE_ACKED)
#define G_FREE(i) true
#elif defined(SEED_FREE_ON_TCP)
#define G_FREE(i) (WRS(i)==0 || (role[i]==CH && oc[i]==TCPC && !gone[i]))
#elif defined(SEED_FREE_AT_CLOSE)
#define G_FREE(i) (WRS(i)==0 || gone[i])
#elif defined(SEED_FREE_AT_RESET)
#define G_FREE(i) (WRS(i)==0 || role[i]==DEAD)
#else
#define G_FREE(i) (WRS(i)==0)
#endif
#else
#define POSTED(i) skip
#define KEPT(i) skip
#endif
bit hpeer;		/* server has heard client by link or record */
byte pst, prb;		/* probe under way; answers without accept */
/* the link: alive, a new one may be taken into use, who knows of the death */
bit alive, avail; byte deaths, reups; bit seen[2];
/* scratch: the message being read */
byte t, e, v, w;
#ifdef WIN
byte rd[2], win[2], wadv[2]; bit wrote;
#define WINOK(i) (snt[i] < win[i] || snt[i] == KK(i))
#define SPACE(i) (rcv[i] - rd[i] < WIN || rcv[i]==KK(1-i))	/* FIN needs no window */
#else
#define WINOK(i) true
#define SPACE(i) true
#endif

#if MODE==0
#define APPOK(i) true
#elif MODE==1
#define APPOK(i) ((i)==0 -> (snt[0]<K0 || rcv[0]>=K1) : (rcv[1]>=K0))
#else
#define APPOK(i) ((i)==0 -> (rcv[0]>=K1) : (snt[1]<K1 || rcv[1]>=K0))
#endif
#define AV(i) (snt[i] < NU(i) && APPOK(i))
#define COMPLETE(i) (rcv[i]==NU(1-i) && una[i]==NU(i))

#ifdef SEED_RESET_WAITS_FOR_LINK
#define G_ANSWERS false
#else
#define G_ANSWERS true
#endif
/* guards that depend on the build (Spin ends a statement at a newline, so each is one word) */
#ifdef SEED_EARLY
#define G_HEARD(i) (role[i]==CH || role[i]==UND)
#else
#define G_HEARD(i) (role[i]==CH)
#endif
#if defined(WIN) && !defined(OLD_WIN)
#define G_TCPWIN(i) WINOK(i)
#else
#define G_TCPWIN(i) true
#endif
#ifdef OLD_DET
#define G_DETINL(i) (inl[i])
#else
#define G_DETINL(i) false
#endif
#ifdef OLD_CLOSE
#define G_DRAIN(j) true
#else
#define G_DRAIN(j) (len(tcp[j])==0)
#endif
#ifdef WIN
#define G_RXSPACE(i,j) (SPACE(i) || !tcp[j]?[DATA,_,_])
#else
#define G_RXSPACE(i,j) true
#endif
#ifdef OLD_UNHEARDFIN
#define G_ERRFIN(i) (ifm[i]==1 || ifm[i]==0)
#elif defined(OLD_BAREFIN2)
#define G_ERRFIN(i) (ifm[i]==1 || (ifm[i]==0 && role[i]==CH && rcv[i]==NU(1-i)))
#elif defined(OLD_BAREFIN)
#define G_ERRFIN(i) (ifm[i]==1 || (ifm[i]==0 && (role[i]==CH || role[i]==PLAIN)))
#else
#define G_ERRFIN(i) (ifm[i]==1)
#endif
#ifdef OLD_REFUSE
#define G_REFU(t) true
#else
#define G_REFU(t) (t!=REFU)
#endif
#ifdef SEED_OLDEP
#define G_OLD(i) false
#define G_CUR(i) true
#else
#define G_OLD(i) (e<ep[i])
#define G_CUR(i) (e==ep[i])
#endif
#ifdef SEED_RESET_OVERTAKES
#define G_RSTHERE(i) true
#else
#define G_RSTHERE(i) (v==rcv[i] || v==UNKNOWN)
#endif
/* within the window that was announced: else the message would be bad and end the channel */
#if defined(WIN) && !defined(OLD_WIN)
#define INWIN(i,j) assert(v<wadv[i] || v==KK(j))
#else
#define INWIN(i,j) skip
#endif
#ifdef SEED_HALF
#define G_FINOK(i) (rcv[i]==NU(1-i))
#else
#define G_FINOK(i) COMPLETE(i)
#endif
#ifdef OLD_ACCEPT
#define G_ACC (!hpeer)
#else
#define G_ACC true
#endif

inline tput(i,a,b,c) { assert(!tfs[i]); assert(nfull(tcp[i])); tcp[i]!a,b,c }
inline lput(i,a,b,c,d) { if :: alive -> lnk[i]!a,b,c,d :: else fi }

/* TCP RST, by the stock socket */
inline tcp_reset(i) {
	abw[i]=0;
	if
	:: !rsts[i] ->
#if PURGE
		do :: (len(tcp[i])>0) -> tcp[i]?t,e,v :: else -> break od; t=0; e=0; v=0;
#endif
		rsts[i]=1; tcp[i]!TRST,0,0
	:: else
	fi
}
/* nothing of the connection is left but memory that work requests read */
inline bury(i) { role[i]=DEAD; brk[i]=0; fbw[i]=0; wd[i]=0; hold[i]=0; inl[i]=0 }
/* this end's program resets */
inline do_abort(i) {
	assert(!abt[i]); abt[i]=1;
#if defined(SEED_CLOSE_BY_FIN)
	if :: !tfs[i] -> tput(i,TFIN,0,0); tfs[i]=1 :: else fi;
#else
	if
	:: role[i]==CH && ofm[i]!=2 && !tfs[i] && oc[i]==LINKC && lk[i] && !brk[i] && (len(lnk[i])<QL) ->
		lput(i,LRST,ep[i],snt[i],0);
#if defined(OLD_RESET_AT_ONCE)
		tcp_reset(i)
#elif !defined(SEED_NO_TCP_RST)
		abw[i]=1
#endif
	:: else -> tcp_reset(i)
	fi;
#endif
	bury(i)
}
/* the other end has reset */
inline told_of_reset(i,j) {
	assert(abt[j]);
#ifdef SEED_RESET_READS_AS_EOF
	rcv[i]=NU(j);
#else
	err[i]=1;
#endif
	assert(rcv[i]<NU(j) || FINS(j));	/* an end of file short of all bytes */
#if DEATHS==0 && !HS && !DETACH0 && !DETACH1 && !PURGE && !SIMOPEN
	assert(rcv[i]>=snt[j]);		/* nothing was lost on the way: no byte either */
#endif
	bury(i)
}
/* a byte has come; if its program has closed, that is a reset, in the same step: it is never acknowledged */
inline came(i,j) {
	if
	:: cl[i] && rcv[i]<=KK(j) && role[i]!=DEAD -> lost[i]=1;
#ifndef SEED_CLOSE_DISCARDS
		do_abort(i)
#endif
	:: else
	fi
}
inline fail_() { assert(false) }	/* an application sees an error that plain TCP would not give */

/* start of life of a channel at end i */
inline start(i) { oc[i] = (lk[i] -> LINKC : TCPC); inl[i] = 1 }

/* the peer turned out plain (first TCP payload or FIN of it has no mark) or REFUSEd: carry on raw */
inline go_raw(i) {
	role[i] = PLAIN; brk[i]=0; fbw[i]=0; inl[i]=0; oc[i]=TCPC; wd[i]=0; hold[i]=0;
	if
	:: ofm[i]==0 -> assert(una[i]==0); ofm[i]=2; snt[i]=0
	:: ofm[i]==1 -> tput(i,DET,ep[i],rcv[i]); ofm[i]=2; snt[i]=tsn[i]
	:: else
	fi
}
inline raw_unit(i) {
	if
	:: snt[i] < KK(i) -> KEPT(i); tput(i,RAW,0,snt[i]); snt[i]=snt[i]+1
	:: else -> tput(i,TFIN,0,0); tfs[i]=1; snt[i]=NU(i)
	fi;
	FINSENT(i);
	tsn[i]=snt[i]; una[i]=snt[i]
}
inline client_plain() {		/* client concludes: server is plain */
	go_raw(0);
#ifdef OLD_RAWFIRST
	ifm[0]=2		/* literally: resends raw and detaches */
#else
	raw_unit(0)		/* decision and first raw byte (or FIN) are one step */
#endif
}
inline deliver_raw(i) {		/* v = position in raw stream */
	if
	:: v < rcv[i] -> skip		/* already had it by link */
	:: else -> assert(v==rcv[i]); rcv[i]=rcv[i]+1; came(i,1-i)
	fi
}
inline raw_fin(i,j) {
	if
	:: rcv[i]==KK(j) -> rcv[i]=NU(j)
	:: rcv[i]==NU(j) -> skip
	:: else -> fail_()
	fi
}
inline peer_is_raw(i) {		/* first payload of peer carries no mark */
	if
	:: role[i]==PLAIN -> ifm[i]=2
	:: role[i]==UND -> go_raw(i); ifm[i]=2
	:: else ->
#ifdef OLD_RAWFIRST
		assert(false);	/* raw byte parsed as a record */
#endif
		go_raw(i); ifm[i]=2
	fi
}
inline send_fall(i) {
	tput(i,FALL,ep[i],rcv[i]); ofm[i]=1; ep[i]=ep[i]+1; assert(ep[i]<MAXEP);
#if defined(WIN) && !defined(OLD_WIN) && !defined(OLD_FALLWIN)
	tput(i,WREC,ep[i],rd[i]+WIN); wadv[i]=rd[i]+WIN;	/* FALLBACK carries the window too */
#endif
	inl[i]=0; brk[i]=0; hold[i]=0;
	if :: oc[i]==LINKC -> oc[i]=WAITC :: else fi
}
inline resume_(i,n) {		/* exchange complete: outbound goes on from the right offset */
#ifdef OLD_RESUME
	snt[i]=n; 
#else
	if :: n>tsn[i] -> snt[i]=n :: else -> snt[i]=tsn[i] fi;
	assert(snt[i]>=una[i]);		/* retained data still there */
#endif
	if :: n>una[i] -> una[i]=n :: else fi;
	oc[i]=TCPC; fbw[i]=0; brk[i]=0; inl[i]=0
}

inline rx_record(i,j) {
	assert(ifm[i]!=2);		/* record bytes would reach an application */
	ifm[i]=1;
	if :: role[i]==UND -> role[i]=CH :: else fi;
	if :: i==1 -> hpeer=1 :: else fi;
	if
	:: t==DATA -> assert(v==rcv[i]); INWIN(i,j); rcv[i]=rcv[i]+1;
		if :: e==ep[i] -> inl[i]=0 :: else fi;
		came(i,j)
	:: t==PROM -> if :: e==ep[i] && ofm[i]!=2 -> inl[i]=1 :: else fi
	:: t==FALL ->
		if
		:: ofm[i]==2 || tfs[i] -> skip		/* already raw or complete */
		:: else ->
			if
			:: e==ep[i] -> send_fall(i)
			:: else -> assert(e+1==ep[i]); assert(fbw[i])
			fi;
			resume_(i,v)
		fi
	:: t==DET ->
		ifm[i]=2;
		if
		:: ofm[i]==2 || tfs[i] -> skip
		:: else -> wd[i]=1;
#ifndef OLD_DET
			if :: e==ep[i] -> ep[i]=ep[i]+1 :: else fi;
			resume_(i,v)
#else
			if :: oc[i]==LINKC -> brk[i]=1 :: else fi
#endif
		fi
	:: t==FREC -> if :: v>una[i] -> una[i]=v :: else fi
	:: t==WREC ->
#ifdef WIN
		if :: v>win[i] -> win[i]=v :: else fi;
#endif
		skip
	fi;
	hold[i]=0
}

proctype End(byte i; byte j)
{
end:	do
	/* ---- link send ---- */
	:: d_step { (role[i]==CH || role[i]==UND) && ofm[i]!=2 && oc[i]==LINKC && lk[i] && !brk[i] && !wd[i] && AV(i) && WINOK(i) && nfull(lnk[i]) ->
		POSTED(i); lput(i,LDATA,ep[i],snt[i],0); snt[i]=snt[i]+1; FINSENT(i);
#ifdef SEED_FREE
		una[i]=snt[i];
#endif
	   }
	/* client not heard yet and nothing sent anywhere: link came up, use it */
	:: d_step { role[i]==UND && oc[i]==TCPC && !brk[i] && lk[i] && snt[i]==0 -> oc[i]=LINKC }
	/* ---- TCP send, records ---- */
	:: d_step { G_HEARD(i) && oc[i]==TCPC && ofm[i]!=2 && !tfs[i] && !brk[i] && !wd[i] && AV(i) && G_TCPWIN(i) ->
		KEPT(i); tput(i,DATA,ep[i],snt[i]); ofm[i]=1; snt[i]=snt[i]+1; tsn[i]=snt[i];
		FINSENT(i); una[i]=snt[i]
	   }
	/* ---- TCP send, raw ---- */
	:: d_step { ofm[i]==2 && role[i]!=DEAD && !tfs[i] && (AV(i) || snt[i]==NU(i)) -> raw_unit(i) }
	/* ---- promote ---- */
	:: d_step { role[i]==CH && oc[i]==TCPC && ofm[i]!=2 && lk[i] && !brk[i] && !fbw[i] && !wd[i] && !tfs[i] && snt[i]<NU(i) ->
		tput(i,PROM,ep[i],0); ofm[i]=1; oc[i]=LINKC }
	/* ---- acknowledge on the link ---- */
	:: d_step { role[i]==CH && ofm[i]!=2 && lk[i] && inl[i] && ackd[i]<rcv[i] && nfull(lnk[i]) ->
#ifdef WIN
		lput(i,LACK,ep[i],rcv[i],rd[i]+WIN); wadv[i]=rd[i]+WIN;
#else
		lput(i,LACK,ep[i],rcv[i],0);
#endif
		ackd[i]=rcv[i] }
#ifdef WIN
	:: d_step { role[i]==CH && ofm[i]!=2 && lk[i] && inl[i] && ackd[i]==rcv[i] && wadv[i]<rd[i]+WIN && nfull(lnk[i]) ->
		lput(i,LACK,ep[i],rcv[i],rd[i]+WIN); wadv[i]=rd[i]+WIN }
#ifndef OLD_WIN
	:: d_step { role[i]==CH && ofm[i]!=2 && !tfs[i] && !inl[i] && wadv[i]<rd[i]+WIN && rcv[i]<NU(j) ->
		tput(i,WREC,ep[i],rd[i]+WIN); ofm[i]=1; wadv[i]=rd[i]+WIN }
#endif
	:: d_step { i==1 && !wrote && snt[1]>=K1 -> wrote=1 }
	/* reader: S reads only after it has sent all its bytes */
	:: d_step { rd[i]<rcv[i] && (i==0 || wrote) -> rd[i]=rcv[i]; hold[i]=0 }
#endif
	/* ---- notice that the link died ---- */
	:: d_step { lk[i] && !alive && !seen[i] -> seen[i]=1; lk[i]=0;
		if
#ifndef SEED_RESET_NOT_TOLD_OF_DEATH
		:: abw[i] -> tcp_reset(i)	/* the reset by link may have died with it */
#endif
#ifdef IDLE_NOFRAME
		/* variant: only an end with unacknowledged data on the link says FALLBACK */
		:: (role[i]==CH || role[i]==UND) && ofm[i]!=2 && !tfs[i] && oc[i]==LINKC && una[i]<snt[i] -> brk[i]=1
		:: (role[i]==CH || role[i]==UND) && ofm[i]!=2 && !tfs[i] && oc[i]==LINKC && una[i]==snt[i] && !brk[i] ->
			oc[i]=TCPC; tsn[i]=snt[i]; inl[i]=0
		:: (role[i]==CH || role[i]==UND) && ofm[i]!=2 && !tfs[i] && oc[i]!=LINKC && !brk[i] -> inl[i]=0
#else
		:: (role[i]==CH || role[i]==UND) && ofm[i]!=2 && !tfs[i] && (oc[i]==LINKC || inl[i]) && !COMPLETE(i) && !(oc[i]==TCPC && snt[i]==0 && !inl[i]) ->
			brk[i]=1
#endif
		:: else
		fi }
	:: d_step { !lk[i] && avail && alive -> lk[i]=1 }
	/* ---- fall back ---- */
	:: d_step { role[i]==CH && brk[i] && ofm[i]!=2 && !fbw[i] && !tfs[i] ->
		if
		:: COMPLETE(i) -> brk[i]=0
		:: else -> send_fall(i); fbw[i]=1
		fi }
	/* ---- the program resets, or closes both ways ---- */
#if ABORT0 || ABORT1
	:: d_step { (ABORT0 && i==0 || ABORT1 && i==1) && !abt[i] && role[i]!=NONE && role[i]!=DEAD -> do_abort(i) }
#endif
#if CLOSE0 || CLOSE1
	:: d_step { (CLOSE0 && i==0 || CLOSE1 && i==1) && !cl[i] && role[i]!=NONE && role[i]!=DEAD -> cl[i]=1 }
	/* ... with something unread */
	:: d_step { (CLOSE0 && i==0 || CLOSE1 && i==1) && !cl[i] && role[i]!=NONE && role[i]!=DEAD && rcv[i]>0 && KK(j)>0 ->
		cl[i]=1; lost[i]=1; do_abort(i) }
#endif
#if COMPL
	/* ---- work requests complete, memory is freed ---- */
	:: d_step { wr[4*i]>0 -> wr[4*i]=wr[4*i]-1 }
	:: d_step { wr[4*i+1]>0 -> wr[4*i+1]=wr[4*i+1]-1 }
	:: d_step { wr[4*i+2]>0 -> wr[4*i+2]=wr[4*i+2]-1 }
	:: d_step { wr[4*i+3]>0 -> wr[4*i+3]=wr[4*i+3]-1 }
	:: d_step { fre[i]<FREETO(i) && G_FREE(i) -> assert(WRS(i)==0); fre[i]=fre[i]+1 }
#endif
	/* ---- detach (disable, unload, option) ---- */
	:: d_step { (DETACH0 && i==0 || DETACH1 && i==1) && role[i]==CH && !wdone[i] && ofm[i]!=2 && !tfs[i] -> wdone[i]=1; wd[i]=1 }
	:: d_step { role[i]==CH && wd[i] && ofm[i]!=2 && !tfs[i] && !fbw[i] && !brk[i] && !COMPLETE(i) && (oc[i]==LINKC || G_DETINL(i)) -> brk[i]=1 }
	:: d_step { role[i]==CH && wd[i] && ofm[i]!=2 && !tfs[i] && !fbw[i] && !brk[i] && oc[i]==TCPC && !G_DETINL(i) ->
		tput(i,DET,ep[i],rcv[i]); ofm[i]=2; 
#ifndef OLD_DET
		ep[i]=ep[i]+1; inl[i]=0; hold[i]=0
#else
		skip
#endif
		}
	/* ---- TCP FIN when both directions are complete ---- */
	:: d_step { role[i]==CH && ofm[i]!=2 && !tfs[i] && G_FINOK(i) && G_DRAIN(j) ->
#ifdef OLD_CLOSE
		if
		:: (len(tcp[j])>0) && !tcp[j]?[TFIN,0,0] -> tput(i,TRST,0,0)	/* stock close() with unread bytes */
		:: else -> 
#endif
#if !defined(OLD_BAREFIN) && !defined(OLD_BAREFIN2)
		if :: (ofm[i]==0 || FREC_ALWAYS) -> tput(i,FREC,ep[i],rcv[i]); ofm[i]=1 :: else fi;
#endif
		tput(i,TFIN,0,0)
#ifdef OLD_CLOSE
		fi
#endif
		; tfs[i]=1; gone[i]=1; brk[i]=0; fbw[i]=0 }

	/* ---- TCP receive ---- */
	:: d_step { role[i]!=NONE && nempty(tcp[j]) && G_RXSPACE(i,j) ->
		tcp[j]?t,e,v;
		if
		:: role[i]==DEAD ->
			if
			:: t==TRST -> rstr[i]=1; abw[i]=0
			:: t==TFIN || t==FALL || t==DET ->
				if :: t==TFIN -> tfr[i]=1 :: else fi;
				if :: abw[i] && G_ANSWERS -> tcp_reset(i) :: else fi
			:: else
			fi
		:: gone[i] && t==TFIN -> tfr[i]=1
		:: gone[i] && t!=TFIN && t!=TRST ->	/* complete: drain until the peer's FIN */
#ifdef OLD_GONE
			if :: !rsts[i] && !tfr[i] -> rsts[i]=1; tcp[i]!TRST,0,0 :: else fi	/* closed: stock TCP resets */
#else
			skip
#endif
		:: else ->
		if
		:: t==RAW ->
			assert(ifm[i]!=1);	/* raw byte parsed as a record */
			if :: ifm[i]==0 -> peer_is_raw(i) :: else fi;
			deliver_raw(i)
		:: t==TFIN ->
			tfr[i]=1;
			if
			:: ifm[i]==2 -> raw_fin(i,j)
			:: G_ERRFIN(i) ->
#ifdef SEED_EOF
				if :: rcv[i]<NU(j) -> rcv[i]=NU(j); assert(false) :: else fi;
#endif
				if
				:: rcv[i]<NU(j) -> fail_()
				:: else ->
#ifndef OLD_TFIN
					una[i]=NU(i); fbw[i]=0; brk[i]=0; oc[i]=TCPC; snt[i]=NU(i);
#endif
					skip
				fi
			:: else -> peer_is_raw(i); raw_fin(i,j)
			fi
		:: t==TRST ->
			rstr[i]=1;
			if
			:: tfr[i] && COMPLETE(i) -> skip
			:: gone[i] -> skip
			:: else -> told_of_reset(i,j)
			fi
		:: else -> rx_record(i,j)
		fi
		fi;
		t=0; e=0; v=0 }

	/* ---- link receive ---- */
	:: d_step { role[i]!=NONE && nempty(lnk[j]) && !hold[i] && (lk[i] || !alive) ->
		lnk[j]?<t,e,v,w>;
		if
		:: role[i]==DEAD || (FORGET && gone[i]) ->	/* unknown token */
			lnk[j]?t,e,v,w;
			if
			:: abw[i] && (t==REFU || t==LRST) -> tcp_reset(i)
			:: !abw[i] && t!=REFU && t!=LRST && lk[i] && (len(lnk[i])<QL) ->
#ifdef SEED_FORGOTTEN_RST
				lput(i,LRST,e,UNKNOWN,0)
#else
				lput(i,REFU,0,0,0)
#endif
			:: else
			fi
		:: role[i]==PLAIN || ofm[i]==2 ->
			lnk[j]?t,e,v,w;
			if
			:: role[i]==PLAIN && lk[i] && (len(lnk[i])<QL) && G_REFU(t) -> lput(i,REFU,0,0,0)
			:: else
			fi
		:: t==REFU -> lnk[j]?t,e,v,w;
			if
			:: role[i]==UND -> client_plain()
#ifndef OLD_REFIGN
			:: role[i]==CH && oc[i]==LINKC && !tfs[i] -> brk[i]=1	/* something of ours was thrown away: fall back */
#endif
			:: else -> skip
			fi
		:: t==LRST ->
			if
			:: gone[i] || e<ep[i] -> lnk[j]?t,e,v,w	/* the other end gets our FIN or FALLBACK and answers with TCP RST */
			:: e==ep[i] && G_RSTHERE(i) -> lnk[j]?t,e,v,w;
				told_of_reset(i,j);
				assert(rcv[i]>=snt[j]);	/* it has overtaken nothing */
				tcp_reset(i)
			:: else -> assert(e<=ep[i]); assert(v>rcv[i]); hold[i]=1
			fi
		:: t==LACK -> lnk[j]?t,e,v,w;
			if :: role[i]==UND -> role[i]=CH :: else fi;
			if :: i==1 -> hpeer=1 :: else fi;
			if
			:: (e<ep[i]) -> skip	/* of an epoch that has ended */
			:: else ->
				/* else the message would be bad and end the channel */
				assert(e<=ep[i]); assert(v<=snt[i]);
				if :: v>una[i] -> una[i]=v :: else fi;
#ifdef WIN
				if :: w>win[i] -> win[i]=w :: else fi;
#endif
				skip
			fi
		:: t==LDATA ->
			if :: role[i]==UND -> role[i]=CH :: else fi;
			if :: i==1 -> hpeer=1 :: else fi;
			if
			:: G_OLD(i) -> lnk[j]?t,e,v,w
			:: e>ep[i] -> assert(false)	/* an epoch from the future cannot occur */
			:: v==rcv[i] && SPACE(i) && G_CUR(i) -> lnk[j]?t,e,v,w;
				INWIN(i,j); rcv[i]=rcv[i]+1; inl[i]=1; came(i,j)
			:: else ->
#ifdef OLD_GAP
				lnk[j]?t,e,v,w; brk[i]=1
#else
				assert(v>=rcv[i] || e<ep[i]); INWIN(i,j);
				if :: e<ep[i] -> lnk[j]?t,e,v,w :: else -> hold[i]=1 fi
#endif
			fi
		fi;
		t=0; e=0; v=0; w=0 }
#if HS
	/* ---- handshake ---- */
	/* third ACK (or its repeat) reaches S with the confirm */
	:: d_step { i==1 && role[1]==NONE && !SPLAIN && empty(tcp[0]) -> role[1]=CH; start(1) }
#if PARKTO
	/* reordering: the ACK with the confirm overtakes or is processed before payload that is already under way */
	:: d_step { i==1 && role[1]==NONE && !SPLAIN && nempty(tcp[0]) -> role[1]=CH; start(1) }
#endif
	/* ... without it, or payload comes first: plain child */
	:: d_step { i==1 && role[1]==NONE && (SPLAIN || STRIP_CONF || nempty(tcp[0])) -> role[1]=PLAIN; ifm[1]=2; ofm[1]=2 }
#if PARKDROP
	:: d_step { i==1 && role[1]==NONE && nempty(lnk[0]) -> lnk[0]?t,e,v,w; t=0;e=0;v=0;w=0 }
#endif
#if PARKTO
	:: d_step { i==1 && role[1]==NONE && lk[1] && nempty(lnk[0]) && nfull(lnk[1]) -> lnk[0]?t,e,v,w; lput(1,REFU,0,0,0); t=0;e=0;v=0;w=0 }
#endif
	/* client's probes: only while there is something to send */
	:: d_step { i==0 && role[0]==UND && pst==0 && (snt[0]>0 || AV(0)) -> pst=1 }
	:: d_step { i==1 && pst==1 && !(NOREQ && role[1]==NONE) && (role[1]!=CH || !G_ACC || STRIP_ACC) -> pst=2 }
	:: d_step { i==1 && pst==1 && role[1]==CH && G_ACC -> pst=3 }
	:: d_step { i==0 && pst==2 -> pst=0;
		if
		:: role[0]==UND -> prb++;
			if :: prb>=NPROBE -> prb=0; client_plain() :: else fi
		:: else -> prb=0
		fi }
	:: d_step { i==0 && pst==3 -> pst=0; prb=0; if :: role[0]==UND -> role[0]=CH :: else fi }
#endif
	od
}

proctype Net()
{
end:	do
	:: d_step { alive && deaths<DEATHS && (lk[0]||lk[1]) -> alive=0; avail=0; deaths++; 
		seen[0]=!lk[0]; seen[1]=!lk[1] }
	/* what was in flight at the death may be lost at any later moment (any suffix) */
	:: d_step { !alive && (len(lnk[0])>0) -> do :: (len(lnk[0])>0) -> lnk[0]?t,e,v,w :: else -> break od; t=0;e=0;v=0;w=0; hold[1]=0 }
	:: d_step { !alive && (len(lnk[1])>0) -> do :: (len(lnk[1])>0) -> lnk[1]?t,e,v,w :: else -> break od; t=0;e=0;v=0;w=0; hold[0]=0 }
	:: d_step { !alive && reups<REUPS && (!lk[0] && !lk[1] || RELINK && (!lk[0] || !lk[1])) -> reups++; alive=1; avail=1;
		do :: (len(lnk[0])>0) -> lnk[0]?t,e,v,w :: else -> break od;
		do :: (len(lnk[1])>0) -> lnk[1]?t,e,v,w :: else -> break od;
		t=0;e=0;v=0;w=0; hold[0]=0; hold[1]=0; seen[0]=0; seen[1]=0 }
	od
}

/* nothing can move any more */
#define RESET(i) (abt[i] || err[i])
#define DONE(i,j) (rcv[i]==NU(j) && tfs[i])

proctype Mon()
{
	timeout -> d_step {
	/* each end has everything and has closed, or there was a reset and it has had its part in it */
	assert(RESET(0) || DONE(0,1));
	assert(RESET(1) || DONE(1,0));
	assert(!abt[0] || RESET(1) || DONE(1,0));
	assert(!abt[1] || RESET(0) || DONE(0,1));
	/* TCP beneath is closed */
	assert(!RESET(0) || rsts[0] || rstr[0]);
	assert(!RESET(1) || rsts[1] || rstr[1]);
	/* bytes that no program read: the other end was sent a reset, or sent one */
	assert(!lost[0] || rsts[0] || rstr[0]);
	assert(!lost[1] || rsts[1] || rstr[1]);
#if COMPL
	assert(fre[0]==NU(0) && fre[1]==NU(1));
#endif
	skip }
}

init {
	d_step {
	lk[0]=LK0; lk[1]=LK1; alive = (LK0||LK1); avail=alive;
#ifdef WIN
	win[0]=WIN; win[1]=WIN; wadv[0]=WIN; wadv[1]=WIN;
#endif
	seen[0]=!LK0; seen[1]=!LK1;
#if SIMOPEN
	/*
	 * Each end sees either the other's SYN first (then it is plain) or, if
	 * that SYN was lost, a SYN-ACK. No listener sent that SYN-ACK, so it
	 * has no option and the end is plain too.
	 */
	role[0]=PLAIN; role[1]=PLAIN; ofm[0]=2; ofm[1]=2; ifm[0]=2; ifm[1]=2;
#ifdef SEED_SIMOPEN_CONFIRMED
	role[0]=CH; ofm[0]=0; ifm[0]=0; start(0);	/* takes the SYN's option for an answer */
#endif
#ifdef SIMOPEN_OPTION
	role[0]=UND; ofm[0]=0; ifm[0]=0; start(0);	/* an option in that SYN-ACK: must do no harm */
#endif
#elif HS
	role[0]=UND; start(0); role[1]=NONE;
#else
	role[0]=CH; start(0); role[1]=CH; start(1);
#endif
	}
	atomic { run End(0,1); run End(1,0); run Net(); run Mon() }
}
